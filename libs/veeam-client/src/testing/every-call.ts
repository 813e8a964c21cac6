import { OFFICE_REGIONS } from '@app/config';
import { Secret } from '@app/secrets';
import type { Dialect } from '../dialects/dialect.js';
import type { ActionItem, CopyOptions, ItemRef, RestoreCredentials } from '../model.js';
import type { Call } from '../wire/call.js';

export type CallsOf<T> = {
  [Name in keyof T as Required<T>[Name] extends (...args: never[]) => unknown ? Name : never]-?: Call<unknown>[];
};

export const sid = '61954db6-7278-4d26-86f7-888bda5a4ec4';
export const organizationId = 'a602e179-a821-4544-b653-f4aa03b39817';
const applicationId = '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b001';
const oneDriveId = '724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11';
const item = { kind: 'onedrive', oneDriveId } as const;
const itemId = '0f1e2d3c-0000-4000-8000-000000000001';
const singleItems: ItemRef[] = (['folder', 'document'] as const).flatMap((kind) =>
  [undefined, '512'].map((versionId) => ({ kind, oneDriveId, itemId, versionId })),
);
const everyItem: ActionItem[] = [
  item,
  ...singleItems,
  ...(['folders', 'documents'] as const).map((kind) => ({ kind, oneDriveId, itemIds: [itemId, sid] })),
];
const userId = `${applicationId}${organizationId}AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==/+`;
const page = { offset: 250, limit: 250 };
const secret = new Secret('secret');
const everyCredential: RestoreCredentials[] = [
  { kind: 'user', userName: 'admin@contoso.com', password: secret },
  ...OFFICE_REGIONS.map(
    (region) => ({ kind: 'user', region, userName: 'admin@contoso.com', password: secret }) as const,
  ),
  { kind: 'application', applicationId, certificate: secret, certificatePassword: secret },
  { kind: 'device-code', userCode: secret },
];
const flags = [false, true];
const everyCopyOptions: CopyOptions[] = flags.flatMap((flag) =>
  (['last', 'all'] as const).flatMap((documentVersion) =>
    (['merge', 'overwrite'] as const).flatMap((documentLastVersionAction) =>
      [undefined, 'from backup'].map((folder) => ({
        target: { id: oneDriveId, name: 'Bob', url: flag ? '' : 'https://contoso-my.sharepoint.com/personal/bob' },
        folder,
        documentVersion,
        documentLastVersionAction,
        changedItems: flag,
        deletedItems: !flag,
        restorePermissions: flag,
        sendSharedLinksNotification: !flag,
      })),
    ),
  ),
);

const mailServer = { server: 'smtp.contoso.com', port: 587, from: 'restore@contoso.com', usesTls: true };

type EveryCall = CallsOf<Dialect> & CallsOf<NonNullable<Dialect['following']>> & { emailSettings: Call<unknown>[] };

/** Every call of a dialect with every combination of options; a call without a row here does not compile. */
export function everyCallOf(dialect: Dialect): EveryCall {
  return {
    health: [dialect.health()],
    listOrganizations: [dialect.listOrganizations(page)],
    listUsers: [dialect.listUsers(organizationId, page)],
    findUsers: [dialect.findUsers(organizationId, 'a+b&c=d@contoso.com', page)],
    findUsersByDisplayName: [dialect.findUsersByDisplayName(organizationId, 'Alice & Bob', page)],
    listUserOneDrives: [dialect.listUserOneDrives(organizationId, userId, page)],
    openRestoreSession: [undefined, '2026-01-10T12:00:00+02:00'].flatMap((pointInTime) =>
      flags.flatMap((showDeleted) =>
        flags.map((showAllVersions) =>
          dialect.openRestoreSession(organizationId, { pointInTime, showDeleted, showAllVersions }),
        ),
      ),
    ),
    getRestoreSession: [dialect.getRestoreSession(sid)],
    stopRestoreSession: [dialect.stopRestoreSession(sid)],
    listRestoreEvents: [dialect.listRestoreEvents(sid, page)],
    requestDeviceCode: [dialect.requestDeviceCode(sid, applicationId)],
    listOneDrives: [dialect.listOneDrives(sid, page)],
    getOneDrive: [dialect.getOneDrive(sid, oneDriveId)],
    listItems: (['folder', 'document'] as const).flatMap((kind) =>
      [undefined, itemId].map((parentId) => dialect.listItems(sid, { oneDriveId, kind, parentId }, page)),
    ),
    getItem: singleItems.map((ref) => dialect.getItem(sid, ref)),
    listVersions: singleItems
      .filter(({ versionId }) => versionId === undefined)
      .map((ref) => dialect.listVersions?.(sid, ref, page))
      .filter((call) => call !== undefined),
    searchOneDrive: [dialect.searchOneDrive(sid, oneDriveId, 'plan', page)],
    searchOneDrives: [dialect.searchOneDrives?.(sid, 'plan', page)].filter((call) => call !== undefined),
    emailSettings: dialect.emailSettings.flatMap(({ read, change }) => [
      read(),
      ...[undefined, { userName: 'mailer', password: secret }].map((login) => change({ ...mailServer, login })),
    ]),
    restore: everyItem.flatMap((each) =>
      everyCredential.flatMap((credentials) =>
        (['keep', 'overwrite'] as const).map((documentAction) =>
          dialect.restore(sid, each, { documentVersion: 'last', documentAction }, credentials),
        ),
      ),
    ),
    copy: everyItem.flatMap((each) =>
      everyCredential.flatMap((credentials) =>
        everyCopyOptions.map((options) => dialect.copy(sid, each, options, credentials)),
      ),
    ),
    send: everyItem.map((each) =>
      dialect.send(sid, each, { from: 'a@contoso.com', to: 'b@contoso.com', subject: '', text: 'ä' }),
    ),
    save: everyItem.flatMap((each) => flags.map((asZip) => dialect.save(sid, each, { asZip }))),
    checkDeviceCode: [dialect.checkDeviceCode?.(secret)].filter((call) => call !== undefined),
    logout: [dialect.logout?.()].filter((call) => call !== undefined),
    listRestoreSessions: [dialect.following?.listRestoreSessions('2026-01-15T10:29:59.000Z', page)].filter(
      (call) => call !== undefined,
    ),
    restoreStatistics: [dialect.following?.restoreStatistics(sid)].filter((call) => call !== undefined),
  };
}
