import type { Principal } from '@app/identity';
import type { PolicyDecision } from '@app/policy';
import type { Operation } from '@app/store';
import type { ActionItem, Item, OneDrive } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { QueuedRequest } from '../actions/action-request.js';
import { ActionQuestions } from '../actions/action-questions.service.js';
import { ActionsService } from '../actions/actions.service.js';
import { type RepeatBy, RepeatedRequests } from '../actions/repeated-requests.service.js';
import { type DownloadSignals, type RunningSave, SavesService } from '../downloads/saves.service.js';
import { AuthorizationService } from '../policy/authorization.service.js';
import { ItemAuthorization } from '../policy/item-authorization.service.js';
import { type AskedCopy, type AskedOfItem, type ItemPlace, whole } from '../policy/item-question.js';
import { RestoreSessionEnds } from '../restore-sessions/restore-session-ends.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import { ItemPaths } from './item-paths.service.js';
import { type ItemSize, ItemSizes } from './item-sizes.service.js';
import type { OneCallDownload, OneCallPlace, OneCallRestore } from './one-call-request.js';
import { onlyOf, UsersOneDrive } from './users-onedrive.service.js';

/** What a request would be about, and whether it would be permitted. */
export interface Preview {
  readonly session: RestoreSession;
  readonly oneDrive: OneDrive;
  readonly item: ActionItem;
  /** The one folder or document that is meant; undefined for the OneDrive as a whole. */
  readonly found: Item | undefined;
  readonly size: ItemSize;
  /** The name of what would be used; undefined where none is. */
  readonly credentialProfile: string | undefined;
  readonly decision: PolicyDecision;
}

/** A download and the restore session that was opened for it. */
export interface OneCallSave {
  readonly save: RunningSave;
  readonly session: RestoreSession;
}

/**
 * Does in one call what takes several: opens a restore session of its own, finds the item, acts on it as every other surface does, and
 * leaves the session to be stopped when that has ended. No session is opened before the policy has permitted the action by all that is
 * known without one.
 */
@Injectable()
export class OneCallService {
  constructor(
    private readonly authorization: AuthorizationService,
    private readonly itemAuthorization: ItemAuthorization,
    private readonly sessions: RestoreSessionsService,
    private readonly ends: RestoreSessionEnds,
    private readonly oneDrives: UsersOneDrive,
    private readonly paths: ItemPaths,
    private readonly sizes: ItemSizes,
    private readonly actions: ActionsService,
    private readonly questions: ActionQuestions,
    private readonly repeated: RepeatedRequests,
    private readonly saves: SavesService,
  ) {}

  async restore(
    principal: Principal,
    { place, request }: OneCallRestore,
    repeatBy: RepeatBy | undefined,
  ): Promise<Operation> {
    const ask = (where: ItemPlace) => this.questions.of(principal, where, request);
    return this.repeated.once(principal, { toBeFound: { ...place } }, request, repeatBy, {
      ask,
      begin: (idempotency) =>
        this.opened(principal, place, ask, ({ id: sid }, item) =>
          this.actions.accept(principal, { sid, item }, request, idempotency),
        ),
    });
  }

  /** The backup is looked into, and nothing else is done. */
  async preview(principal: Principal, { place, request }: OneCallRestore): Promise<Preview> {
    const browse = (): AskedOfItem => ({ action: 'browse', reason: place.reason, onBehalfOf: place.onBehalfOf });
    return this.opened(principal, place, browse, async ({ id: sid }, item) => {
      const preview = await this.sessions.use(principal, sid, (session) =>
        this.look(principal, session, item, request),
      );
      await this.stop(preview.session);
      return preview;
    });
  }

  /** The session is for the caller of this to stop, when the download is over. */
  async download(
    principal: Principal,
    { place, request }: OneCallDownload,
    signals: DownloadSignals,
  ): Promise<OneCallSave> {
    const ask = (where: ItemPlace) => this.questions.of(principal, where, request);
    return this.opened(principal, place, ask, async (session, item) => ({
      save: await this.saves.start(principal, { sid: session.id, item }, request, signals),
      session,
    }));
  }

  /** Never fails: a session that cannot be stopped now is stopped by the sweep. */
  async stop({ id: restoreSessionId }: RestoreSession): Promise<void> {
    await this.ends.stopAfter({ restoreSessionId });
  }

  /** Opens a session and works on the item in it; the session stays, unless that fails. */
  private async opened<T>(
    principal: Principal,
    place: OneCallPlace,
    ask: (where: ItemPlace) => AskedOfItem | AskedCopy,
    work: (session: RestoreSession, item: ActionItem) => Promise<T>,
  ): Promise<T> {
    const organization = await this.authorization.openRestoreSession(principal, place.organization, place);
    const where: ItemPlace = {
      backupServer: organization.backupServer,
      organizationId: organization.id,
      organizationName: organization.name.toLowerCase(),
      reason: place.reason,
      onBehalfOf: place.onBehalfOf,
    };
    const asked = ask(where);
    const oneDriveIn = await this.permittedOneDrive(principal, where, place, asked);
    const { pointInTime, showDeleted, reason, onBehalfOf } = place;
    const session = await this.sessions.openIn(principal, organization, {
      pointInTime,
      showDeleted,
      showAllVersions: false,
      reason,
      onBehalfOf,
      isForOneOperation: true,
    });
    try {
      const item = await this.sessions.use(principal, session.id, async (open) => {
        const oneDriveId = await oneDriveIn(open);
        return this.itemAuthorization.lookInto(principal, open, whole(oneDriveId), asked, () =>
          this.paths.find(open, oneDriveId, place.path),
        );
      });
      return await work(session, item);
    } catch (error) {
      await this.stop(session);
      throw error;
    }
  }

  /**
   * How to find the OneDrive once there is a session, if the policy permits the action as far as can be said without one. What only the
   * session tells is decided on in it, before anything is listed that lies there.
   */
  private async permittedOneDrive(
    principal: Principal,
    where: ItemPlace,
    { whose, path }: OneCallPlace,
    asked: AskedOfItem | AskedCopy,
  ): Promise<(session: RestoreSession) => Promise<string>> {
    const decide = async (at: ItemPlace, oneDriveId: string) => {
      await this.itemAuthorization.byIds(principal, at, whole(oneDriveId), asked, sortsOf(path));
      return oneDriveId;
    };
    if ('oneDriveId' in whose) {
      const oneDriveId = await decide(where, whose.oneDriveId);
      return () => Promise.resolve(oneDriveId);
    }
    const { user } = whose;
    const look = <T>(at: ItemPlace, by: () => Promise<T>) => this.itemAuthorization.look(principal, at, asked, by);
    const ids = await this.idsOf(principal, where, user, asked);
    if (ids === undefined) {
      return async (session) => decide(session, await look(session, () => this.oneDrives.ofLeaver(session, user)));
    }
    for (const id of ids) await decide(where, id);
    const oneDriveId = await look(where, () => Promise.resolve(onlyOf(ids)));
    return () => Promise.resolve(oneDriveId);
  }

  /** The ids of the OneDrives that are meant, as far as production tells: undefined for a user who is not there. */
  private async idsOf(
    principal: Principal,
    where: ItemPlace,
    user: string,
    asked: AskedOfItem | AskedCopy,
  ): Promise<readonly string[] | undefined> {
    return (await this.itemAuthorization.mayBrowseAll(principal, where, asked))
      ? this.oneDrives.inProduction(where, user)
      : this.oneDrives.own(principal, where, user);
  }

  private async look(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    request: QueuedRequest,
  ): Promise<Preview> {
    const found = await this.itemAuthorization.browse(principal, session, item);
    const asked = this.questions.of(principal, session, request);
    return {
      session,
      oneDrive: found.oneDrive,
      item,
      found: found.items[0],
      size: await this.sizes.of(session, item, found),
      credentialProfile: 'credentialProfile' in asked ? asked.credentialProfile : undefined,
      decision: await this.itemAuthorization.explain(principal, session, item, asked),
    };
  }
}

/** What a path leads to shows only in the backup. */
function sortsOf(path: readonly string[]): readonly { readonly kind: ActionItem['kind'] }[] {
  return path.length === 0 ? [{ kind: 'onedrive' }] : [{ kind: 'document' }, { kind: 'folder' }];
}
