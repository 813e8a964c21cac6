import type { Asked, Part } from './asked.js';

const RESOURCE_ID = /^[A-Za-z0-9+/=_-]{1,256}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What no body may hold: it is refused as soon as it is read, before anybody asks who may do such a thing. */
export function isUnreadable(asked: Asked): boolean {
  if (asked.what === 'open') {
    const { surface, organization } = asked;
    return surface === 'v1' && 'id' in organization && organization.id.includes('\0');
  }
  if (asked.what !== 'act') return false;
  const named = isBulk(asked.part) ? idsOfNothing(asked.part) : [];
  if (asked.act.action === 'copy' && asked.act.target.of === 'nobody') named.push(asked.act.target.id);
  return named.some((id) => id.includes('\0'));
}

/** Only what nobody has may have an id that is none. */
export function isMalformed(asked: Asked): boolean {
  if (asked.what === 'open') return 'id' in asked.organization && !RESOURCE_ID.test(asked.organization.id);
  if (!('session' in asked)) return false;
  if (asked.session.of === 'nobody' && !UUID.test(asked.session.id)) return true;
  const target = 'act' in asked && asked.act.action === 'copy' ? [asked.act.target] : [];
  const named = 'oneDrive' in asked ? [asked.oneDrive, ...target] : [];
  const ids = named.flatMap((ref) => (ref.of === 'nobody' ? [ref.id] : []));
  if ('part' in asked) ids.push(...idsOfNothing(asked.part));
  return ids.some((id) => !RESOURCE_ID.test(id));
}

export function isBulk(part: Part | undefined): boolean {
  return part !== undefined && part.items.length > 1;
}

function idsOfNothing(part: Part | undefined): string[] {
  return part?.items.flatMap((item) => (item.in === 'nowhere' ? [item.id] : [])) ?? [];
}
