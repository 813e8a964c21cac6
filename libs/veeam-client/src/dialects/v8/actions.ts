import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  MailOptions,
  RestoreCredentials,
  RestoreOptions,
} from '../../model.js';
import type { WireValue } from '../../wire/body.js';
import { type Call, command, post } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import type { SaveOptions } from '../dialect.js';
import { credentialFields } from '../shared/credentials.js';
import { itemRoute, itemsField } from '../shared/item-route.js';

/** `documentVersion` has no place here: the session's version of each document is the one restored, which `last` asks for. */
export function restore(
  restoreSessionId: string,
  item: ActionItem,
  { documentAction }: RestoreOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const body = {
    ...itemsField(item),
    ...credentialFields(credentials),
    ...regionField(credentials),
    documentAction: documentActions[documentAction],
  };
  return post(itemRoute(restoreSessionId, item, '/restore'), body, readFollowing);
}

export function copy(
  restoreSessionId: string,
  item: ActionItem,
  options: CopyOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const { id, name, url } = options.target;
  const isOfDocuments = item.kind === 'document' || item.kind === 'documents';
  const body = {
    ...itemsField(item),
    ...credentialFields(credentials),
    ...regionField(credentials),
    onedrive: { id, name, url },
    folder: options.folder,
    documentVersion: documentVersions[options.documentVersion],
    documentLastVersionAction: lastVersionActions[options.documentLastVersionAction],
    changedItems: options.changedItems,
    deletedItems: options.deletedItems,
    ...(isOfDocuments
      ? {}
      : {
          restorePermissions: options.restorePermissions,
          sendSharedLinksNotification: options.sendSharedLinksNotification,
        }),
  };
  return post(itemRoute(restoreSessionId, item, '/copyTo'), body, readFollowing);
}

export function send(restoreSessionId: string, item: ActionItem, options: MailOptions): Call<ActionResult> {
  const { from, to, subject, text } = options;
  return post(itemRoute(restoreSessionId, item, '/send'), { ...itemsField(item), from, to, subject, text }, () => ({
    kind: 'finished',
    outcome: undefined,
  }));
}

/** What is always a ZIP wants no body at all, unless it has to be named in one. */
export function save(restoreSessionId: string, item: ActionItem, { asZip }: SaveOptions): Call<void> {
  const to = itemRoute(restoreSessionId, item, '/save');
  switch (item.kind) {
    case 'onedrive':
    case 'folder':
      return command(to);
    case 'document':
      return command(to, { asZip });
    case 'folders':
    case 'documents':
      return command(to, itemsField(item));
  }
}

function regionField(credentials: RestoreCredentials): Record<string, WireValue> {
  const region = credentials.kind === 'device-code' ? undefined : credentials.region;
  return region === undefined ? {} : { officeRegion: officeRegions[region] };
}

const officeRegions = {
  worldwide: 'Worldwide',
  germany: 'Germany',
  china: 'China',
  'us-defence': 'USDefence',
  'us-government': 'USGovernment',
} as const;
const documentActions = { keep: 'Keep', overwrite: 'Overwrite' } as const;
const documentVersions = { last: 'Last', all: 'All' } as const;
const lastVersionActions = { merge: 'Merge', overwrite: 'Overwrite' } as const;

function readFollowing(body: unknown): ActionResult {
  const upstreamSessionId = new Fields(body, 'a started restore').filledString('sessionId');
  return { kind: 'following', upstreamSessionId };
}
