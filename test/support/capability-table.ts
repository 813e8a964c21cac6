import { API_VERSIONS, type ApiVersion } from '@app/config';
import { type ActionItem, capabilitiesOf, demandAction, type WantedAction } from '@app/veeam-client';
import { NotSupportedByUpstreamError } from '@app/problems';

const oneDriveId = 'id';
const itemId = 'id';
const levels: Readonly<Record<string, ActionItem>> = {
  OneDrive: { kind: 'onedrive', oneDriveId },
  folder: { kind: 'folder', oneDriveId, itemId },
  document: { kind: 'document', oneDriveId, itemId },
  'earlier version': { kind: 'document', oneDriveId, itemId, versionId: '1' },
  'several folders': { kind: 'folders', oneDriveId, itemIds: [itemId] },
  'several documents': { kind: 'documents', oneDriveId, itemIds: [itemId] },
};

const copy = {
  folder: undefined,
  documentVersion: 'last',
  documentLastVersionAction: 'merge',
  changedItems: false,
  deletedItems: false,
  restorePermissions: false,
  sendSharedLinksNotification: false,
} as const;
const restore = { documentVersion: 'last', documentAction: 'keep' } as const;
const user = { kind: 'user' } as const;

type On = (item: ActionItem) => WantedAction;

/** The actions, and what not every version can do with them. */
const wanted: Readonly<Record<string, On>> = {
  restore: (item) => ({ action: 'restore', item, options: restore, credentials: user }),
  '… all versions': (item) => ({
    action: 'restore',
    item,
    options: { ...restore, documentVersion: 'all' },
    credentials: user,
  }),
  '… with a certificate or device code': (item) => ({
    action: 'restore',
    item,
    options: restore,
    credentials: { kind: 'application' },
  }),
  copy: (item) => ({ action: 'copy', item, options: copy, credentials: user }),
  '… with a certificate or device code ': (item) => ({
    action: 'copy',
    item,
    options: copy,
    credentials: { kind: 'application' },
  }),
  '… `changedItems`, `deletedItems`': (item) => ({
    action: 'copy',
    item,
    options: { ...copy, changedItems: true, deletedItems: true },
    credentials: user,
  }),
  '… `restorePermissions`, `sendSharedLinksNotification`': (item) => ({
    action: 'copy',
    item,
    options: { ...copy, restorePermissions: true, sendSharedLinksNotification: true },
    credentials: user,
  }),
  send: (item) => ({ action: 'send', item }),
  save: (item) => ({ action: 'save', item }),
};

/** Which versions of the backup server can do what on which level: a table in Markdown, from what the client refuses. */
export function capabilityTable(): string {
  const names = Object.keys(levels);
  const rows = Object.entries(wanted).map(([what, on]) => [
    what.trim(),
    ...names.map((name) => versionsThatCan(on, levels[name])),
  ]);
  const lines = [['', ...names], ['---', ...names.map(() => '---')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function versionsThatCan(on: On, item: ActionItem | undefined): string {
  const able = API_VERSIONS.filter((version) => item && can(version, on(item)));
  if (able.length === 0) return 'none';
  const [first] = able;
  const isSince = first !== undefined && able.length === API_VERSIONS.length - API_VERSIONS.indexOf(first);
  if (able.length === API_VERSIONS.length) return 'all';
  return isSince && able.length > 1 ? `${first} and later` : able.join(', ');
}

function can(version: ApiVersion, action: WantedAction): boolean {
  try {
    demandAction({ version, capabilities: capabilitiesOf(version) }, action);
    return true;
  } catch (error) {
    if (error instanceof NotSupportedByUpstreamError) return false;
    throw error;
  }
}
