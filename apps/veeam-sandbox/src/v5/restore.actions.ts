import { empty, json, type Answer, type Exchange } from '../http/api-version.js';
import type { Fields } from '../http/fields.js';
import type { AcceptedAction } from '../control/accepted-actions.js';
import { restoreItems, type RestoreChoices, type RestoreStatistics, type Selection } from '../world/item-restore.js';
import type { RestoreCredentials } from '../world/microsoft-365.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest, internalFailure, SandboxError } from '../world/sandbox-error.js';
import type { Asked } from './actions.routes.js';
import { oneDriveToWire, statisticsToWire } from './wire.js';

const allOrLast = ['all', 'last'] as const;

export async function restore({ exchange, target, selection, members }: Asked): Promise<Answer> {
  const documentVersion = members.choice('documentVersion', allOrLast) ?? 'last';
  const documentAction = members.choice('documentAction', ['overwrite', 'keep']) ?? 'overwrite';
  const credentials = credentialsIn(members);
  requireInProduction(selection.oneDrive);
  exchange.world.microsoft365.check(credentials, selection.session.id);
  const accepted = await exchange.accept({
    action: 'restore',
    ...factsOf(selection, target),
    credentials,
    options: { documentVersion, documentAction },
  });
  return run(exchange, accepted, selection, {
    targetRoot: selection.oneDrive.folderName,
    onConflict: documentAction,
    allVersions: documentVersion === 'all',
    deletedItems: true,
  });
}

/** Into another OneDrive of the same organization. v5 documents a user name and password as the only way to log in here. */
export async function copy({ exchange, target, selection, members }: Asked): Promise<Answer> {
  const documentVersion = members.choice('documentVersion', allOrLast) ?? 'last';
  const documentLastVersionAction = members.choice('documentLastVersionAction', ['overwrite', 'merge']) ?? 'overwrite';
  const changedItems = members.flag('changedItems') ?? false;
  const deletedItems = members.flag('deletedItems') ?? false;
  const restorePermissions = members.flag('restorePermissions') ?? false;
  const sendSharedLinksNotification = members.flag('sendSharedLinksNotification') ?? false;
  const folder = folderPath(members.text('folder'));
  const destination = productionOneDrive(selection.session, members.object('oneDrive')?.required('id'));
  const credentials = credentialsIn(members);
  if (credentials.kind !== 'user') throw badRequest('Missing mandatory parameters: userName');
  exchange.world.microsoft365.check(credentials, selection.session.id);
  const accepted = await exchange.accept({
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
    },
  });
  return run(exchange, accepted, selection, {
    targetRoot: folder === '' ? destination.folderName : `${destination.folderName}/${folder}`,
    onConflict: documentLastVersionAction,
    allVersions: documentVersion === 'all' || changedItems,
    deletedItems,
  });
}

/** Several OneDrives at once, with names of its own for the account. */
export async function restoreOneDrives(
  exchange: Exchange,
  session: RestoreSession,
  oneDrives: readonly OneDrive[],
  members: Fields,
): Promise<Answer> {
  const documentVersion = members.choice('documentVersion', allOrLast) ?? 'last';
  const documentAction = members.choice('documentAction', ['overwrite', 'keep']) ?? 'overwrite';
  const skipUnresolved = members.flag('skipUnresolved') ?? false;
  const userName = members.text('officeUsername') ?? members.required('onPremisesUsername');
  const userPassword = members.text('officePassword') ?? members.required('onPremisesPassword');
  const credentials = { kind: 'user', userName, userPassword } as const;
  if (!skipUnresolved) oneDrives.forEach(requireInProduction);
  exchange.world.microsoft365.check(credentials, session.id);
  const accepted = await exchange.accept({
    action: 'restore',
    organizationId: session.organization.id,
    sessionId: session.id,
    oneDriveId: undefined,
    owner: undefined,
    items: oneDrives.map(({ folderName }) => folderName),
    credentials,
    options: { documentVersion, documentAction, skipUnresolved },
  });
  const details: object[] = [];
  let failed = 0;
  for (const oneDrive of oneDrives.filter(({ owner }) => owner.isInProduction)) {
    const tree = session.treeOf(oneDrive);
    const selection = { session, oneDrive, tree, chosen: tree.childrenOf(undefined), title: oneDrive.name };
    const choices = {
      targetRoot: oneDrive.folderName,
      onConflict: documentAction,
      allVersions: documentVersion === 'all',
      deletedItems: true,
    };
    const statistics = await restoreItems(selection, choices, exchange.world.production, exchange.outcomeFault);
    failed += statistics.failed;
    details.push({
      oneDrive: oneDriveToWire(exchange, session, oneDrive),
      status: statistics.failed > 0 ? 'Warning' : 'Success',
      details: { failedRestrictionsCount: 0, restoreIssues: issuesOf(statistics) },
    });
  }
  accepted.state = 'finished';
  const isPartial = failed > 0 || details.length < oneDrives.length;
  return json({ status: isPartial ? 'Warning' : 'Success', error: null, details });
}

async function run(
  exchange: Exchange,
  accepted: AcceptedAction,
  selection: Selection,
  choices: RestoreChoices,
): Promise<Answer> {
  try {
    const statistics = await restoreItems(selection, choices, exchange.world.production, exchange.outcomeFault);
    accepted.state = 'finished';
    return exchange.outcomeFault.emptyBody === true ? empty() : json(statisticsToWire(statistics));
  } catch (error) {
    accepted.state = 'failed';
    if (error instanceof SandboxError) throw error;
    throw internalFailure(error instanceof Error ? error.message : String(error));
  }
}

export function factsOf({ session, oneDrive, chosen }: Selection, target: Asked['target']) {
  return {
    organizationId: session.organization.id,
    sessionId: session.id,
    oneDriveId: oneDrive.id,
    owner: oneDrive.owner.login,
    items: target === 'oneDrive' ? [] : chosen.map(({ path }) => path),
  };
}

/** Exactly one of the three ways, complete. */
function credentialsIn(members: Fields): RestoreCredentials {
  const given = {
    user: ['userName', 'userPassword'].some((name) => members.text(name) !== undefined),
    application: ['applicationId', 'applicationCertificate', 'applicationCertificatePassword'].some(
      (name) => members.text(name) !== undefined,
    ),
    'device-code': members.text('userCode') !== undefined,
  };
  const ways = Object.values(given).filter(Boolean).length;
  if (ways === 0) throw badRequest('Missing mandatory parameters: userName');
  if (ways > 1) throw badRequest('Only one authentication method can be specified.');
  if (given.user) {
    return { kind: 'user', userName: members.required('userName'), userPassword: members.required('userPassword') };
  }
  if (given['device-code']) return { kind: 'device-code', userCode: members.required('userCode') };
  return {
    kind: 'application',
    applicationId: members.required('applicationId'),
    applicationCertificate: members.required('applicationCertificate'),
    applicationCertificatePassword: members.text('applicationCertificatePassword') ?? '',
  };
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

function issuesOf(statistics: RestoreStatistics): unknown {
  return (statisticsToWire(statistics) as { restoreIssues: unknown }).restoreIssues;
}
