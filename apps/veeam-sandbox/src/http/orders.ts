import type { NewAction } from '../control/accepted-actions.js';
import { restoreItems, type RestoreChoices, type RestoreStatistics, type Selection } from '../world/item-restore.js';
import type { RestoreCredentials } from '../world/microsoft-365.js';
import type { OneDrive } from '../world/organizations.js';
import type { ConflictChoice } from '../world/production.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest, internalFailure } from '../world/sandbox-error.js';
import type { Exchange } from './api-version.js';
import type { Fields } from './fields.js';
import { factsOf, type Asked } from './selection.js';

/** A restore or copy that passed every check: how it is recorded, and its parts, one for each OneDrive. */
export interface RestoreOrder {
  readonly record: NewAction;
  readonly parts: readonly OrderPart[];
}

export interface OrderPart {
  readonly selection: Selection;
  readonly choices: RestoreChoices;
}

const allOrLast = ['all', 'last'] as const;

type Options = Readonly<Record<string, unknown>>;

/** To where it came from. Versions with a choice of it say so by `documentVersion`. */
export function restoreOrder(
  { exchange, target, selection, members }: Asked,
  { credentials, allVersions = false, options = {} }: OrderSettings,
): RestoreOrder {
  const documentAction = documentActionIn(members);
  requireInProduction(selection.oneDrive);
  exchange.world.microsoft365.check(credentials, selection.session.id);
  return {
    record: {
      action: 'restore',
      ...factsOf(selection, target),
      credentials,
      options: { ...options, documentAction },
    },
    parts: [{ selection, choices: toOriginal(selection.oneDrive, documentAction, { allVersions }) }],
  };
}

interface OrderSettings {
  readonly credentials: RestoreCredentials;
  readonly allVersions?: boolean;
  /** Further members as understood, for the record. */
  readonly options?: Options;
}

/** Into another OneDrive of the same organization. */
export function copyOrder(
  { exchange, target, selection, members }: Asked,
  credentialsOf: (members: Fields) => RestoreCredentials,
  furtherOptions: Options = {},
): RestoreOrder {
  const documentVersion = documentVersionIn(members);
  const documentLastVersionAction = members.choice('documentLastVersionAction', ['overwrite', 'merge']) ?? 'overwrite';
  const changedItems = members.flag('changedItems') ?? false;
  const deletedItems = members.flag('deletedItems') ?? false;
  const restorePermissions = members.flag('restorePermissions') ?? false;
  const sendSharedLinksNotification = members.flag('sendSharedLinksNotification') ?? false;
  const folder = folderPath(members.text('folder'));
  const destination = productionOneDrive(selection.session, members.object('oneDrive')?.required('id'));
  const credentials = credentialsOf(members);
  exchange.world.microsoft365.check(credentials, selection.session.id);
  const choices: RestoreChoices = {
    targetRoot: folder === '' ? destination.folderName : `${destination.folderName}/${folder}`,
    onConflict: documentLastVersionAction,
    allVersions: documentVersion === 'all' || changedItems,
    deletedItems,
    isBulk: false,
  };
  return {
    record: {
      action: 'copy',
      ...factsOf(selection, target),
      credentials,
      options: {
        targetOneDriveId: destination.id,
        target: destination.owner.login,
        folder,
        documentVersion,
        documentLastVersionAction,
        changedItems,
        deletedItems,
        restorePermissions,
        sendSharedLinksNotification,
        ...furtherOptions,
      },
    },
    parts: [{ selection, choices }],
  };
}

/** Several OneDrives at once, to where they came from; those of people who left are passed over when told to. */
export function bulkOrder(
  exchange: Exchange,
  session: RestoreSession,
  oneDrives: readonly OneDrive[],
  members: Fields,
  { credentials, allVersions = false, options = {} }: OrderSettings,
): RestoreOrder {
  const documentAction = documentActionIn(members);
  const skipUnresolved = members.flag('skipUnresolved') ?? false;
  if (!skipUnresolved) oneDrives.forEach(requireInProduction);
  exchange.world.microsoft365.check(credentials, session.id);
  return {
    record: {
      action: 'restore',
      organizationId: session.organization.id,
      sessionId: session.id,
      oneDriveId: undefined,
      owner: undefined,
      items: oneDrives.map(({ folderName }) => folderName),
      credentials,
      options: { ...options, documentAction, skipUnresolved },
    },
    parts: oneDrives
      .filter(({ owner }) => owner.isInProduction)
      .map((oneDrive) => {
        const tree = session.treeOf(oneDrive);
        const selection = { session, oneDrive, tree, chosen: tree.childrenOf(undefined), title: oneDrive.name };
        return { selection, choices: toOriginal(oneDrive, documentAction, { allVersions, isBulk: true }) };
      }),
  };
}

/** Does one part, and logs it in its session or in the given one. */
export function carryOut(
  { world, faults }: Exchange,
  { selection, choices }: OrderPart,
  session = selection.session,
): Promise<RestoreStatistics> {
  return restoreItems({ ...selection, session }, choices, {
    production: world.production,
    fault: faults.get('outcome') ?? {},
    beforeDocument: () => faults.pass('item'),
  });
}

export function documentVersionIn(members: Fields): (typeof allOrLast)[number] {
  return members.choice('documentVersion', allOrLast) ?? 'last';
}

function documentActionIn(members: Fields): 'overwrite' | 'keep' {
  return members.choice('documentAction', ['overwrite', 'keep']) ?? 'overwrite';
}

function toOriginal(
  { folderName }: OneDrive,
  onConflict: ConflictChoice,
  { allVersions, isBulk = false }: { allVersions: boolean; isBulk?: boolean },
): RestoreChoices {
  return { targetRoot: folderName, onConflict, allVersions, deletedItems: true, isBulk };
}

function requireInProduction({ owner }: OneDrive): void {
  if (!owner.isInProduction) throw internalFailure('Failed to find users for tenant account');
}

/** Of the target object only the id counts. */
function productionOneDrive({ organization }: RestoreSession, id: string | undefined): OneDrive {
  if (id === undefined) throw badRequest('Missing mandatory parameters: oneDrive');
  const found = organization.oneDrives.find((candidate) => candidate.id === id.toLowerCase());
  if (found?.owner.isInProduction !== true) throw badRequest(`The target OneDrive '${id}' was not found.`);
  return found;
}

function folderPath(text = ''): string {
  const parts = text.split(/[\\/]/).filter((part) => part !== '');
  const isUnsafe = parts.some((part) => /^\.+$/.test(part.trim()) || part.includes('\0'));
  if (isUnsafe) throw badRequest('The value of the parameter is invalid: folder');
  return parts.join('/');
}
