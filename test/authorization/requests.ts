import { randomUUID } from 'node:crypto';

import type { Bearer } from './arbitraries.js';
import {
  type Asked,
  type AskedInSession,
  type AskedToAct,
  type AskedToBrowse,
  type AskedToOpen,
  type ItemAction,
  itemIdsOf,
  type OneDriveRef,
  oneDriveIdOf,
  organizationAt,
  type Part,
  type SessionRef,
} from './asked.js';
import { isBulk } from './form.js';
import type { House, KnownSession } from './house.js';

/** How the gateway is asked. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly session?: KnownSession | undefined;
}

/** What somebody asks for, in requests about the things of a house. */
export class Requests {
  constructor(
    private readonly house: House,
    private readonly bearer: Bearer,
  ) {}

  /** @param number of the request in its run: no two of a run are about one session, where one action waits for the other */
  of(asked: Asked, number: number): Request {
    const isV5 = asked.surface === 'v5';
    switch (asked.what) {
      case 'organizations':
        return { method: 'GET', path: isV5 ? '/v5/Organizations' : '/api/v1/organizations' };
      case 'sessions':
        return { method: 'GET', path: '/api/v1/restore-sessions' };
      case 'operations':
        return { method: 'GET', path: '/api/v1/operations' };
      case 'operation':
      case 'cancel': {
        const { issuer, claims } = this.bearer;
        const id = asked.of === 'nobody' ? randomUUID() : this.house.operation(asked.of, issuer, claims.sub);
        return { method: asked.what === 'cancel' ? 'DELETE' : 'GET', path: `/api/v1/operations/${id}` };
      }
      case 'open': {
        const id = this.organizationId(asked.organization);
        return isV5
          ? { method: 'POST', path: `/v5/Organizations/${encodeURIComponent(id)}/Action`, body: { explore: {} } }
          : { method: 'POST', path: '/api/v1/restore-sessions', body: { organizationId: id } };
      }
      default: {
        const session = this.session(asked.session, number);
        return { ...this.inSession(asked, session.sid), session };
      }
    }
  }

  /** To stop what was opened. */
  stopping({ surface }: Asked, sid: string): Request {
    return surface === 'v5'
      ? { method: 'POST', path: `/v5/RestoreSessions/${encodeURIComponent(sid)}/Action`, body: { stop: null } }
      : { method: 'DELETE', path: `/api/v1/restore-sessions/${encodeURIComponent(sid)}` };
  }

  private organizationId(ref: AskedToOpen['organization']): string {
    if ('id' in ref) return ref.id;
    const { backup } = this.house;
    const id = backup.idOf(organizationAt(ref.at, this.bearer.login, backup));
    return ref.written === 'in capitals' ? id.toUpperCase() : id;
  }

  private session(ref: SessionRef, number: number): KnownSession {
    if (ref.of === 'nobody') return { sid: ref.id, upstreamSid: '' };
    const { issuer, login, claims } = this.bearer;
    const organization = organizationAt(ref.in, login, this.house.backup);
    return this.house.session({ ...ref, organization, number }, issuer, claims.sub);
  }

  private inSession(asked: AskedInSession, sid: string): Request {
    const isV5 = asked.surface === 'v5';
    const v1 = `/api/v1/restore-sessions/${encodeURIComponent(sid)}`;
    const v5 = `/v5/RestoreSessions/${encodeURIComponent(sid)}`;
    const explain = (body: object): Request => ({
      method: 'POST',
      path: '/api/v1/policy/explain',
      body: { restoreSessionId: sid, ...body },
    });
    switch (asked.what) {
      case 'session':
        return { method: 'GET', path: isV5 ? v5 : v1 };
      case 'stop':
        return this.stopping(asked, sid);
      case 'onedrives':
        return { method: 'GET', path: isV5 ? `${v5}/Organization/OneDrives` : `${v1}/onedrives` };
      case 'deviceCode':
        return { method: 'POST', path: isV5 ? `${v5}/organization/restoreDeviceCode` : `${v1}/device-codes` };
      case 'explainDeviceCode':
        return explain({ action: 'requestDeviceCode' });
      case 'browse': {
        const { path } = this.itemPath(asked);
        return { method: 'GET', path: isV5 ? `${v5}/Organization/OneDrives/${path}` : `${v1}/onedrives/${path}` };
      }
      case 'explainBrowse':
        return explain({ action: 'browse', ...this.explained(asked) });
      case 'explain':
        return explain({ action: asked.act.action, ...this.explained(asked), ...this.body(asked.act) });
      case 'act': {
        const { path, ids } = this.itemPath(asked);
        return isV5
          ? { method: 'POST', path: `${v5}/Organization/OneDrives/${path}/Action`, body: this.v5Body(asked.act) }
          : {
              method: 'POST',
              path: `${v1}/onedrives/${path}/${asked.act.action}`,
              body: { ...ids, ...this.body(asked.act) },
            };
      }
    }
  }

  /** Below those of all OneDrives; several items have their ids in the body. */
  private itemPath({ oneDrive, part }: AskedToBrowse | AskedToAct): { path: string; ids?: { ids: string[] } } {
    const path = encodeURIComponent(this.oneDriveId(oneDrive));
    if (part === undefined) return { path };
    const ids = this.itemIds(oneDrive, part);
    return isBulk(part)
      ? { path: `${path}/${part.kind}s`, ids: { ids } }
      : { path: `${path}/${part.kind}s/${encodeURIComponent(ids.join())}` };
  }

  private explained({ oneDrive, part }: AskedToBrowse | AskedToAct): object {
    const oneDriveId = this.oneDriveId(oneDrive);
    return { oneDriveId, ...(part && { [`${part.kind}Id`]: this.itemIds(oneDrive, part).join() }) };
  }

  private itemIds(oneDrive: OneDriveRef, part: Part): string[] {
    return itemIdsOf(part, this.oneDriveId(oneDrive), this.bearer.login, this.house.backup);
  }

  private body(act: ItemAction): object {
    switch (act.action) {
      case 'restore':
      case 'save':
        return {};
      case 'copy': {
        const { target } = act;
        return { target: target.of === 'user' ? { user: target.login } : { oneDriveId: this.oneDriveId(target) } };
      }
      case 'send':
        return { to: act.to, from: act.from, subject: 'Your files', text: 'Here they are.' };
    }
  }

  private v5Body(act: ItemAction): object {
    switch (act.action) {
      case 'restore':
        return { restoreToOriginalLocation: {} };
      case 'save':
        return { save: null };
      case 'send':
        return { sendTo: this.body(act) };
      case 'copy':
        return act.target.of === 'user' ? {} : { copyTo: { oneDrive: { id: this.oneDriveId(act.target) } } };
    }
  }

  private oneDriveId(ref: OneDriveRef): string {
    return oneDriveIdOf(ref, this.bearer.login, this.house.backup);
  }
}
