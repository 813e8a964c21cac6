import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  Item,
  MailOptions,
  Page,
  RestoreCredentials,
  RestoreOptions,
} from '../../model.js';
import type { Route } from '../../transport/route.js';
import { type Call, command, post } from '../../wire/call.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { SaveOptions } from '../dialect.js';
import { credentialFields } from '../shared/credentials.js';
import { isOfDocuments, itemRoute, itemsField } from '../shared/item-route.js';
import { readItem } from '../shared/items.js';
import { readEnded } from '../shared/statistics.js';

/** The body has exactly one property, the action; upstream does not say what it would do with two. */
export function restore(
  restoreSessionId: string,
  item: ActionItem,
  { documentVersion, documentAction }: RestoreOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const restoreToOriginalLocation = {
    ...itemsField(item),
    ...credentialFields(credentials),
    documentVersion,
    documentAction,
  };
  return post(actionRoute(restoreSessionId, item), { restoreToOriginalLocation }, readEnded);
}

export function copy(
  restoreSessionId: string,
  item: ActionItem,
  options: CopyOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const { id, name, url } = options.target;
  const copyTo = {
    ...itemsField(item),
    ...credentialFields(credentials),
    oneDrive: { id, name, url },
    folder: options.folder,
    documentVersion: options.documentVersion,
    documentLastVersionAction: options.documentLastVersionAction,
    ...(isOfDocuments(item)
      ? {}
      : {
          changedItems: options.changedItems,
          deletedItems: options.deletedItems,
          restorePermissions: options.restorePermissions,
          sendSharedLinksNotification: options.sendSharedLinksNotification,
        }),
  };
  return post(actionRoute(restoreSessionId, item), { copyTo }, readEnded);
}

export function send(restoreSessionId: string, item: ActionItem, options: MailOptions): Call<ActionResult> {
  const { from, to, subject, text } = options;
  return post(
    actionRoute(restoreSessionId, item),
    { sendTo: { ...itemsField(item), from, to, subject, text } },
    () => ({
      kind: 'finished',
      outcome: undefined,
    }),
  );
}

export function save(restoreSessionId: string, item: ActionItem, { asZip }: SaveOptions): Call<void> {
  return command(actionRoute(restoreSessionId, item), { save: saveFields(item, asZip) });
}

function saveFields(item: ActionItem, asZip: boolean) {
  switch (item.kind) {
    case 'onedrive':
    case 'folder':
      return null;
    case 'document':
      return { asZip };
    case 'folders':
    case 'documents':
      return itemsField(item);
  }
}

export function searchOneDrive(
  restoreSessionId: string,
  oneDriveId: string,
  query: string,
  page: PageRequest,
): Call<Page<Item>> {
  return post(
    itemRoute(restoreSessionId, { kind: 'onedrive', oneDriveId }, '/Action', { ...page }),
    { search: { query } },
    (body) => readPage(body, page, readItem),
  );
}

function actionRoute(restoreSessionId: string, item: ActionItem): Route {
  return itemRoute(restoreSessionId, item, '/Action');
}
