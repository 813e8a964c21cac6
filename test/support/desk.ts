import { Caller } from './caller.js';
import type { Gateway, World } from './world.js';

/** A caller with a restore session of their own, and what they see in it. */
export interface Desk {
  readonly caller: Caller;
  readonly sid: string;
  /** What the session is called upstream, which callers never learn. */
  readonly upstreamSid: string;
  readonly organizationId: string;
  /** UTC day of the backup it shows. */
  readonly backupDay: string;
  /** Ids of the OneDrives by their display name. */
  readonly oneDrives: Readonly<Record<string, string>>;
}

/** @param name a person or service of the sso-sandbox */
export async function openDesk(
  name: string,
  world: Pick<World, 'sso' | 'veeam'> & { readonly gateway: Pick<Gateway, 'url' | 'now'> },
  organizationName = 'contoso.onmicrosoft.com',
): Promise<Desk> {
  const caller = await Caller.named(name, world);
  const sid = await caller.openSession(organizationName);
  // On v8 restores have sessions too, and one may have begun meanwhile.
  const newest = world.veeam.control.sessions().find(({ kind }) => kind === 'explore');
  const { body: session } = await caller.get(`/api/v1/restore-sessions/${sid}`);
  const { body: page } = await caller.get(`/api/v1/restore-sessions/${sid}/onedrives`);
  const oneDrives = page.items.map(({ id, name }: Record<'id' | 'name', string>) => [name, id] as const);
  return {
    caller,
    sid,
    upstreamSid: newest?.id ?? '',
    organizationId: session.organizationId,
    backupDay: session.pointInTime.slice(0, 10),
    oneDrives: Object.fromEntries(oneDrives),
  };
}
