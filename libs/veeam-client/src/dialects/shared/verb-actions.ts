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
import type { Dialect, SaveOptions } from '../dialect.js';
import { credentialFields } from './credentials.js';
import { isOfDocuments, itemRoute, itemsField } from './item-route.js';

/** A URL per verb (v6 to v8). */
export type VerbActions = Pick<Dialect, 'restore' | 'copy' | 'send' | 'save'>;

interface VerbChoices {
  /** What a restore or copy answers. */
  readonly readResult: (body: unknown) => ActionResult;
  /** Whether a copy of documents takes `changedItems` and `deletedItems`; that of a folder takes them everywhere. */
  readonly documentCopyChoices: boolean;
}

export function verbActions({ readResult, documentCopyChoices }: VerbChoices): VerbActions {
  return {
    restore: (sid, item, options, credentials) =>
      post(itemRoute(sid, item, '/restore'), restoreBody(item, options, credentials), readResult),
    copy: (sid, item, options, credentials) =>
      post(itemRoute(sid, item, '/copyTo'), copyBody(item, options, credentials, documentCopyChoices), readResult),
    send,
    save,
  };
}

/** `documentVersion` has no place here: the session's version of each document is the one restored, which `last` asks for. */
function restoreBody(item: ActionItem, { documentAction }: RestoreOptions, credentials: RestoreCredentials) {
  return {
    ...itemsField(item),
    ...credentialFields(credentials),
    ...regionField(credentials),
    documentAction: documentActions[documentAction],
  };
}

function copyBody(
  item: ActionItem,
  options: CopyOptions,
  credentials: RestoreCredentials,
  documentCopyChoices: boolean,
) {
  const { id, name, url } = options.target;
  const { changedItems, deletedItems, restorePermissions, sendSharedLinksNotification } = options;
  return {
    ...itemsField(item),
    ...credentialFields(credentials),
    ...regionField(credentials),
    onedrive: { id, name, url },
    folder: options.folder,
    documentVersion: documentVersions[options.documentVersion],
    documentLastVersionAction: lastVersionActions[options.documentLastVersionAction],
    ...(isOfDocuments(item) && !documentCopyChoices ? {} : { changedItems, deletedItems }),
    ...(isOfDocuments(item) ? {} : { restorePermissions, sendSharedLinksNotification }),
  };
}

function send(restoreSessionId: string, item: ActionItem, options: MailOptions): Call<ActionResult> {
  const { from, to, subject, text } = options;
  return post(itemRoute(restoreSessionId, item, '/send'), { ...itemsField(item), from, to, subject, text }, () => ({
    kind: 'finished',
    outcome: undefined,
  }));
}

/** What is always a ZIP wants no body at all, unless it has to be named in one. */
function save(restoreSessionId: string, item: ActionItem, { asZip }: SaveOptions): Call<void> {
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
