import type { ApiVersion } from '@app/config';
import { sleep } from '@app/clock';
import { EmailNotSetUpError, ValidationFailedError } from '@app/problems';
import type { Secret } from '@app/secrets';
import { type Capabilities, demandAction, demandCall, type WantedAction } from './dialects/capabilities.js';
import type { Dialect, OpenRestoreSessionOptions, SaveOptions } from './dialects/dialect.js';
import { changeEmailSettings, emailReadiness } from './email-settings.js';
import { RefusedAnswer } from './failures.js';
import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  DeviceCode,
  EmailExplorer,
  EmailReadiness,
  FollowedRestore,
  LoggedLine,
  MailOptions,
  NewEmailSettings,
  OneDrive,
  Organization,
  Page,
  RestoreCredentials,
  RestoreEvent,
  RestoreOptions,
  SaveStream,
  UpstreamHealth,
  UpstreamRestoreSession,
} from './model.js';
import type { Login, VeeamClientOptions } from './options.js';
import { OrganizationUsers } from './organization-users.js';
import { presentable } from './presentable.js';
import { RestoreFollowing } from './restore-following.js';
import { isNotFound, RestoreSessions, sessionStopped } from './restore-sessions.js';
import { SessionItems } from './session-items.js';
import { Upstream } from './upstream.js';
import { collectPages, type PageRequest } from './wire/page.js';

/** Refusals of a mail that missing e-mail settings may be behind. */
const MAY_LACK_EMAIL: ReadonlySet<string> = new Set(['upstream-rejected', 'operation-conflict']);

/** Looks at a stopped session before it counts as still running. */
const STOP_LOOKS = 5;

/**
 * VB365 in the words of the gateway, whatever its API version.
 *
 * Every method rejects with domain errors only: UpstreamRejectedError, UpstreamLoginFailedError, UpstreamBrokenError,
 * UpstreamUnavailableError, UpstreamTimeoutError, NotFoundError for an id that no URL can hold; below a restore session also
 * SessionStoppedError. A call whose signal is aborted rejects with the signal's reason.
 */
export class VeeamClient {
  /** What lies in the OneDrives of restore sessions. */
  readonly items: SessionItems;
  /** The people of organizations, as they are in production. */
  readonly users: OrganizationUsers;
  private readonly upstream: Upstream;
  private readonly sessions: RestoreSessions;
  private readonly following: RestoreFollowing;

  constructor(private readonly options: VeeamClientOptions) {
    this.upstream = new Upstream(options);
    this.users = new OrganizationUsers(this.upstream);
    this.sessions = new RestoreSessions(this.upstream);
    this.items = new SessionItems(this.upstream, this.sessions);
    this.following = new RestoreFollowing(this.upstream, this.sessions, options.clock);
  }

  apiVersion(): Promise<ApiVersion> {
    return presentable(async () => (await this.upstream.dialect()).version);
  }

  capabilities(): Promise<Capabilities> {
    return presentable(async () => (await this.upstream.dialect()).capabilities);
  }

  /** @throws NotSupportedByUpstreamError when upstream's version cannot do it, besides what asking for the version may throw */
  demandAction(wanted: WantedAction): Promise<void> {
    return presentable(async () => {
      demandAction(await this.upstream.dialect(), wanted);
    });
  }

  /** Logs in, if need be, and reads something that needs the login: `token` answers even where nothing else does. */
  checkHealth(): Promise<UpstreamHealth> {
    return presentable(async () => {
      const dialect = await this.upstream.dialect();
      try {
        await this.upstream.call(() => dialect.health());
      } catch (error) {
        throw await this.upstream.versions.explained(error, dialect);
      }
      return { apiVersion: dialect.version, newerVersions: await this.upstream.versions.newerThan(dialect) };
    });
  }

  /**
   * Logs in with an account or password that is about to become current. If upstream takes it, calls that begin from now on go by that login;
   * those under way end with theirs.
   */
  tryLogin(login: Login): Promise<void> {
    return presentable(() => this.upstream.tryLogin(login));
  }

  listOrganizations(signal?: AbortSignal): Promise<Organization[]> {
    return presentable(() =>
      collectPages((page) => this.upstream.call((dialect) => dialect.listOrganizations(page), { signal })),
    );
  }

  /** Never repeated by itself: a slow server may have opened the first one. */
  openRestoreSession(organizationId: string, options: OpenRestoreSessionOptions): Promise<UpstreamRestoreSession> {
    return presentable(() => {
      if (options.pointInTime !== undefined && Number.isNaN(Date.parse(options.pointInTime))) {
        throw new ValidationFailedError([{ field: 'pointInTime', message: 'must be an ISO 8601 time' }]);
      }
      const { openHeadersMs: headersMs } = this.upstream.timeouts;
      return this.upstream.call((dialect) => dialect.openRestoreSession(organizationId, options), { headersMs });
    });
  }

  /** Undefined when upstream does not know it. */
  getRestoreSession(id: string, signal?: AbortSignal): Promise<UpstreamRestoreSession | undefined> {
    return presentable(() => this.sessions.find(id, signal));
  }

  /** Looks several times whether it really stopped, since a stop may not take effect. */
  stopRestoreSession(id: string): Promise<'stopped' | 'still-running'> {
    return presentable(async () => {
      try {
        await this.upstream.call((dialect) => dialect.stopRestoreSession(id));
      } catch (error) {
        if (await this.sessions.isGone(error, id)) return 'stopped';
        throw error;
      }
      for (let look = 1; look <= STOP_LOOKS; look++) {
        const session = await this.sessions.find(id);
        if (session?.state !== 'running') return 'stopped';
        if (look < STOP_LOOKS) await sleep(this.options.clock, this.upstream.timeouts.stopPollMs);
      }
      return 'still-running';
    });
  }

  listOneDrives(sessionId: string, page: PageRequest, signal?: AbortSignal): Promise<Page<OneDrive>> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call((dialect) => dialect.listOneDrives(sessionId, page), { signal }),
    );
  }

  /** Undefined when the backup has no such OneDrive. */
  getOneDrive(sessionId: string, oneDriveId: string, signal?: AbortSignal): Promise<OneDrive | undefined> {
    return presentable(async () => {
      try {
        return await this.upstream.call((dialect) => dialect.getOneDrive(sessionId, oneDriveId), { signal });
      } catch (error) {
        if (await this.sessions.isGone(error, sessionId)) throw sessionStopped(error);
        if (isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  requestDeviceCode(sessionId: string, { applicationId }: { readonly applicationId: string }): Promise<DeviceCode> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call((dialect) => dialect.requestDeviceCode(sessionId, applicationId)),
    );
  }

  /** @throws NotSupportedByUpstreamError where upstream cannot be asked whether a code was confirmed (see `capabilities`) */
  checkDeviceCode(userCode: Secret): Promise<{ readonly isConfirmed: boolean }> {
    return presentable(() =>
      this.upstream.call((dialect) => {
        const check = demandCall(dialect, dialect.checkDeviceCode, 'tell whether a device code was confirmed');
        return check(userCode);
      }),
    );
  }

  /** Whether mail can be sent, by upstream's settings. */
  emailReadiness(): Promise<EmailReadiness> {
    return presentable(() => emailReadiness(this.upstream));
  }

  /** Has the whole backup server send its mails as given. @returns the explorers whose settings were changed */
  changeEmailSettings(settings: NewEmailSettings): Promise<EmailExplorer[]> {
    return presentable(() => changeEmailSettings(this.upstream, settings));
  }

  /**
   * The three actions, and `save`, tell apart what became of them: ActionNotSentError (may be sent again), ActionAnswerUnknownError
   * (may have been done), any other domain error (refused).
   */
  restore(
    sessionId: string,
    item: ActionItem,
    options: RestoreOptions,
    credentials: RestoreCredentials,
    mayStillSend = always,
  ): Promise<ActionResult> {
    return this.sessions.within(sessionId, () =>
      this.upstream.act(
        (dialect) => {
          demandAction(dialect, { action: 'restore', item, options, credentials });
          return dialect.restore(sessionId, item, options, credentials);
        },
        mayStillSend,
        this.untilRestoreAnswers,
      ),
    );
  }

  copy(
    sessionId: string,
    item: ActionItem,
    options: CopyOptions,
    credentials: RestoreCredentials,
    mayStillSend = always,
  ): Promise<ActionResult> {
    return this.sessions.within(sessionId, () =>
      this.upstream.act(
        (dialect) => {
          demandAction(dialect, { action: 'copy', item, options, credentials });
          return dialect.copy(sessionId, item, options, credentials);
        },
        mayStillSend,
        this.untilRestoreAnswers,
      ),
    );
  }

  /** @throws EmailNotSetUpError besides the others, when upstream refused and its settings tell why */
  send(sessionId: string, item: ActionItem, options: MailOptions, mayStillSend = always): Promise<ActionResult> {
    return presentable(async () => {
      try {
        return await this.upstream.act((dialect) => {
          demandAction(dialect, { action: 'send', item });
          return dialect.send(sessionId, item, options);
        }, mayStillSend);
      } catch (error) {
        if (await this.sessions.isGone(error, sessionId)) throw sessionStopped(error);
        if (!(error instanceof RefusedAnswer && MAY_LACK_EMAIL.has(error.error.code))) throw error;
        const { isReady } = await emailReadiness(this.upstream).catch(() => ({ isReady: true }));
        if (isReady) throw error;
        throw new EmailNotSetUpError('E-mail is not set up on the backup server.', { cause: error.error.cause });
      }
    });
  }

  /**
   * Resolves at upstream's headers, which may take as long as upstream needs to build the file. Aborting the signal, or destroying the
   * body, ends upstream's connection at once.
   */
  save(sessionId: string, item: ActionItem, options: SaveOptions, signal: AbortSignal): Promise<SaveStream> {
    return this.sessions.within(sessionId, () =>
      this.upstream.download((dialect) => {
        demandAction(dialect, { action: 'save', item });
        return dialect.save(sessionId, item, options);
      }, signal),
    );
  }

  /**
   * One look at a restore or copy that answered with a session to follow; look again until it has stopped. A look fails when the session
   * itself cannot be read. Should upstream go on in the restore session that was browsed, the end shows only when that one stops.
   *
   * @param afterOrder of the last event already seen; all of them when absent
   * @throws NotSupportedByUpstreamError where restores answer at their end (see `capabilities`)
   */
  followRestore(
    upstreamSessionId: string,
    { afterOrder = -1 }: { readonly afterOrder?: number } = {},
    signal?: AbortSignal,
  ): Promise<FollowedRestore> {
    return presentable(() => this.following.look(upstreamSessionId, afterOrder, signal));
  }

  /** Events of any session by `order`: how far a restore is that answers at its end (v5 to v7). Several thousand at once at most. */
  restoreEvents(
    sessionId: string,
    { afterOrder = -1 }: { readonly afterOrder?: number } = {},
    signal?: AbortSignal,
  ): Promise<RestoreEvent[]> {
    return this.sessions.within(sessionId, () => this.following.events(sessionId, afterOrder, signal));
  }

  /**
   * Tells `see` all that upstream logged in a session, line by line, and holds no more than a page of it: to find out whether an action
   * whose answer was lost was done. Before v8 restores are logged in the restore session itself, mails and downloads everywhere.
   *
   * @returns whether that was all of it: the end of a log of more than 200,000 lines is not read, and nothing follows from its silence
   */
  readRestoreLog(
    sessionId: string,
    see: (line: LoggedLine) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly isWhole: boolean }> {
    return this.sessions.within(sessionId, () => this.following.readLog(sessionId, see, signal));
  }

  /**
   * Upstream's sessions that began from then on: among them that of a restore whose answer was lost, where restores have sessions of
   * their own (v8). Sessions opened for browsing are listed too; upstream does not say which is which.
   *
   * @param since ISO 8601 with a zone; clocks may differ: take a minute off
   * @throws NotSupportedByUpstreamError elsewhere
   */
  restoreSessionsSince(since: string, signal?: AbortSignal): Promise<UpstreamRestoreSession[]> {
    return presentable(() => this.following.sessionsSince(since, signal));
  }

  /**
   * Ends the login of this process upstream, which may end what still runs under the account: only at a final shutdown, and only if no
   * session or operation of any replica needs the account. Which is for the caller to know. A later call logs in again.
   */
  logout(): Promise<void> {
    return presentable(() => this.upstream.logout());
  }

  /** Ends every connection; what still runs fails. */
  close(): Promise<void> {
    return this.upstream.close();
  }

  /** A restore that goes on by itself is answered as soon as it has a session, others when they end. */
  private readonly untilRestoreAnswers = ({ capabilities }: Dialect): number =>
    capabilities.followedRestores ? this.upstream.timeouts.openHeadersMs : this.upstream.timeouts.actionHeadersMs;
}

const always = () => true;
