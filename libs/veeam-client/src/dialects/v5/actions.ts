import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  MailOptions,
  RestoreCredentials,
  RestoreOptions,
} from '../../model.js';
import { type Route, route } from '../../transport/route.js';
import { type Call, command, post } from '../../wire/call.js';
import type { SaveOptions } from '../dialect.js';
import { credentialFields } from '../shared/credentials.js';
import { readStatistics } from './statistics.js';

/** The body has exactly one property, the action; upstream does not say what it would do with two. */
export function restore(
  restoreSessionId: string,
  item: ActionItem,
  { documentVersion, documentAction }: RestoreOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const restoreToOriginalLocation = { ...credentialFields(credentials), documentVersion, documentAction };
  return post(actionRoute(restoreSessionId, item), { restoreToOriginalLocation }, readResult);
}

export function copy(
  restoreSessionId: string,
  item: ActionItem,
  options: CopyOptions,
  credentials: RestoreCredentials,
): Call<ActionResult> {
  const { id, name, url } = options.target;
  const copyTo = {
    ...credentialFields(credentials),
    oneDrive: { id, name, url },
    folder: options.folder,
    documentVersion: options.documentVersion,
    documentLastVersionAction: options.documentLastVersionAction,
    changedItems: options.changedItems,
    deletedItems: options.deletedItems,
    restorePermissions: options.restorePermissions,
    sendSharedLinksNotification: options.sendSharedLinksNotification,
  };
  return post(actionRoute(restoreSessionId, item), { copyTo }, readResult);
}

export function send(restoreSessionId: string, item: ActionItem, options: MailOptions): Call<ActionResult> {
  const { from, to, subject, text } = options;
  return post(actionRoute(restoreSessionId, item), { sendTo: { from, to, subject, text } }, () => ({
    kind: 'finished',
    outcome: undefined,
  }));
}

export function save(restoreSessionId: string, item: ActionItem, _options: SaveOptions): Call<void> {
  return command(actionRoute(restoreSessionId, item), { save: null });
}

function actionRoute(restoreSessionId: string, { oneDriveId }: ActionItem): Route {
  return route('/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}/Action', {
    restoreSessionId,
    oneDriveId,
  });
}

function readResult(body: unknown): ActionResult {
  return { kind: 'finished', outcome: readStatistics(body) };
}
