import type { ApiVersion } from '@app/config';
import { sleep } from '@app/clock';
import { EmailNotSetUpError, SessionStoppedError, UpstreamRejectedError, ValidationFailedError } from '@app/problems';
import { type Capabilities, demandCopy, demandRestore } from './dialects/capabilities.js';
import type { OpenRestoreSessionOptions, SaveOptions } from './dialects/dialect.js';
import { Failure, RefusedAnswer } from './failures.js';
import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  DeviceCode,
  MailOptions,
  OneDrive,
  Organization,
  OrganizationUser,
  Page,
  RestoreCredentials,
  RestoreOptions,
  SaveStream,
  UpstreamHealth,
  UpstreamRestoreSession,
} from './model.js';
import type { VeeamClientOptions } from './options.js';
import { Upstream } from './upstream.js';
import { lower } from './wire/fields.js';
import { collectPages } from './wire/page.js';

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
  private readonly upstream: Upstream;

  /** @throws NotSupportedByUpstreamError for an API version this client does not speak */
  constructor(private readonly options: VeeamClientOptions) {
    this.upstream = new Upstream(options);
  }

  apiVersion(): Promise<ApiVersion> {
    return presentable(async () => (await this.upstream.dialect()).version);
  }

  capabilities(): Promise<Capabilities> {
    return presentable(async () => (await this.upstream.dialect()).capabilities);
  }

  /** Logs in, if need be, and reads something that needs the login: `token` answers even where nothing else does. */
  checkHealth(): Promise<UpstreamHealth> {
    return presentable(async () => {
      await this.upstream.call((dialect) => dialect.health());
      return { apiVersion: (await this.upstream.dialect()).version };
    });
  }

  listOrganizations(signal?: AbortSignal): Promise<Organization[]> {
    return presentable(() =>
      collectPages((page) => this.upstream.call((dialect) => dialect.listOrganizations(page), { signal })),
    );
  }

  /** Users whose login is this e-mail address, ASCII case apart; upstream's own filter may match more loosely. */
  findUsers(organizationId: string, email: string, signal?: AbortSignal): Promise<OrganizationUser[]> {
    return presentable(async () => {
      const users = await collectPages((page) =>
        this.upstream.call((dialect) => dialect.findUsers(organizationId, email, page), { signal }),
      );
      return users.filter(({ name }) => lower(name) === lower(email));
    });
  }

  /** In production, not in the backup: none for somebody who has left, two for a hybrid user. */
  listUserOneDrives(organizationId: string, userId: string, signal?: AbortSignal): Promise<OneDrive[]> {
    return presentable(() =>
      collectPages((page) =>
        this.upstream.call((dialect) => dialect.listUserOneDrives(organizationId, userId, page), { signal }),
      ),
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
    return presentable(() => this.readRestoreSession(id, signal));
  }

  /** Looks several times whether it really stopped, since a stop may not take effect. */
  stopRestoreSession(id: string): Promise<'stopped' | 'still-running'> {
    return presentable(async () => {
      try {
        await this.upstream.call((dialect) => dialect.stopRestoreSession(id));
      } catch (error) {
        if (await this.isGone(error, id)) return 'stopped';
        throw error;
      }
      for (let look = 1; look <= STOP_LOOKS; look++) {
        const session = await this.readRestoreSession(id);
        if (session?.state !== 'running') return 'stopped';
        if (look < STOP_LOOKS) await sleep(this.options.clock, this.upstream.timeouts.stopPollMs);
      }
      return 'still-running';
    });
  }

  listOneDrives(
    sessionId: string,
    page: { readonly offset: number; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<Page<OneDrive>> {
    return this.inSession(sessionId, () =>
      this.upstream.call((dialect) => dialect.listOneDrives(sessionId, page), { signal }),
    );
  }

  /** Undefined when the backup has no such OneDrive. */
  getOneDrive(sessionId: string, oneDriveId: string, signal?: AbortSignal): Promise<OneDrive | undefined> {
    return presentable(async () => {
      try {
        return await this.upstream.call((dialect) => dialect.getOneDrive(sessionId, oneDriveId), { signal });
      } catch (error) {
        if (await this.isGone(error, sessionId)) throw sessionStopped(error);
        if (await this.isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  requestDeviceCode(sessionId: string, { applicationId }: { readonly applicationId: string }): Promise<DeviceCode> {
    return this.inSession(sessionId, () =>
      this.upstream.call((dialect) => dialect.requestDeviceCode(sessionId, applicationId)),
    );
  }

  /** Whether the settings that `send` needs are there. */
  emailSettings(): Promise<{ readonly isEnabled: boolean }> {
    return presentable(async () => ({ isEnabled: await this.isEmailEnabled() }));
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
  ): Promise<ActionResult> {
    return this.inSession(sessionId, () =>
      this.upstream.act((dialect) => {
        demandRestore(dialect, options, credentials);
        return dialect.restore(sessionId, item, options, credentials);
      }),
    );
  }

  copy(
    sessionId: string,
    item: ActionItem,
    options: CopyOptions,
    credentials: RestoreCredentials,
  ): Promise<ActionResult> {
    return this.inSession(sessionId, () =>
      this.upstream.act((dialect) => {
        demandCopy(dialect, options, credentials);
        return dialect.copy(sessionId, item, options, credentials);
      }),
    );
  }

  /** @throws EmailNotSetUpError besides the others, when upstream refused and its settings tell why */
  send(sessionId: string, item: ActionItem, options: MailOptions): Promise<ActionResult> {
    return presentable(async () => {
      try {
        return await this.upstream.act((dialect) => dialect.send(sessionId, item, options));
      } catch (error) {
        if (await this.isGone(error, sessionId)) throw sessionStopped(error);
        if (!(error instanceof RefusedAnswer && error.error instanceof UpstreamRejectedError)) throw error;
        if (await this.isEmailEnabled().catch(() => true)) throw error;
        throw new EmailNotSetUpError('E-mail is not set up on the backup server.', { cause: error.error.cause });
      }
    });
  }

  /**
   * Resolves at upstream's headers, which may take as long as upstream needs to build the file. Aborting the signal, or destroying the
   * body, ends upstream's connection at once.
   */
  save(sessionId: string, item: ActionItem, options: SaveOptions, signal: AbortSignal): Promise<SaveStream> {
    return this.inSession(sessionId, () =>
      this.upstream.download((dialect) => dialect.save(sessionId, item, options), signal),
    );
  }

  /** Ends every connection; what still runs fails. */
  close(): Promise<void> {
    return this.upstream.close();
  }

  /** Upstream has no status of its own for a dead session, so a suspicious refusal is looked into. */
  private inSession<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    return presentable(async () => {
      try {
        return await work();
      } catch (error) {
        throw (await this.isGone(error, sessionId)) ? sessionStopped(error) : error;
      }
    });
  }

  private async isGone(error: unknown, sessionId: string): Promise<boolean> {
    if (!(error instanceof RefusedAnswer)) return false;
    const { goneSessionStatuses } = await this.upstream.dialect();
    if (!goneSessionStatuses.has(error.status)) return false;
    try {
      return (await this.readRestoreSession(sessionId))?.state !== 'running';
    } catch {
      // Nothing is known of the session then: the refusal stands as it is.
      return false;
    }
  }

  private async readRestoreSession(id: string, signal?: AbortSignal): Promise<UpstreamRestoreSession | undefined> {
    try {
      return await this.upstream.call((dialect) => dialect.getRestoreSession(id), { signal });
    } catch (error) {
      if (await this.isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async isNotFound(error: unknown): Promise<boolean> {
    return error instanceof RefusedAnswer && (await this.upstream.dialect()).notFoundStatuses.has(error.status);
  }

  private async isEmailEnabled(): Promise<boolean> {
    let missing: unknown;
    let isKnown = false;
    for (const settings of (await this.upstream.dialect()).emailSettings()) {
      try {
        if ((await this.upstream.call(() => settings)).isEnabled) return true;
        isKnown = true;
      } catch (error) {
        // A server without this kind of settings may have the other.
        if (!(await this.isNotFound(error))) throw error;
        missing = error;
      }
    }
    if (!isKnown) throw missing;
    return false;
  }
}

/** The border of the lib: failures of the transport and refusals leave as the domain errors they carry. */
async function presentable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error.error : error;
  }
}

function sessionStopped(error: unknown): SessionStoppedError {
  const cause = error instanceof Failure ? error.error.cause : undefined;
  return new SessionStoppedError('The restore session has ended on the backup server.', { cause });
}
