import { lowerCaseAscii } from '../http/ascii.js';

/** Canonical names by their lower-cased form: version 5 reads property names and enum values in any case. */
export type Vocabulary<Name extends string> = ReadonlyMap<string, Name>;

function vocabulary<const Name extends string>(...names: Name[]): Vocabulary<Name> {
  return new Map(names.map((name) => [lowerCaseAscii(name), name]));
}

/** The name a caller means. Only ASCII letters have two cases here: no look-alike passes for a name. */
export function canonicalName<Name extends string>(names: Vocabulary<Name>, written: string): Name | undefined {
  return names.get(lowerCaseAscii(written));
}

export const v5Actions = vocabulary('restoreToOriginalLocation', 'copyTo', 'sendTo', 'save');

export const v5Members = {
  restoreToOriginalLocation: vocabulary('documentVersion', 'documentAction', 'userCode'),
  copyTo: vocabulary(
    'oneDrive',
    'folder',
    'documentVersion',
    'documentLastVersionAction',
    'changedItems',
    'deletedItems',
    'restorePermissions',
    'sendSharedLinksNotification',
    'userCode',
  ),
  /** Only `id` is used: the rest describes a OneDrive as upstream lists it, and the gateway looks that up itself. */
  oneDrive: vocabulary('id', 'name', 'url', '_links', 'user'),
  sendTo: vocabulary('from', 'to', 'subject', 'text'),
  save: vocabulary('asZip'),
  explore: vocabulary('dateTime', 'type', 'showDeleted', 'showAllVersions'),
} as const;

export const v5Commands = {
  explore: vocabulary('explore'),
  stop: vocabulary('stop'),
  deviceCode: vocabulary('targetApplicationId'),
} as const;

export const v5Values = {
  documentVersion: vocabulary('last', 'all'),
  documentAction: vocabulary('keep', 'overwrite'),
  documentLastVersionAction: vocabulary('merge', 'overwrite'),
  boolean: vocabulary('true', 'false'),
  sessionType: vocabulary('veod'),
} as const;
