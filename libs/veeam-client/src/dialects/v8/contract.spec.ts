import { ManualClock } from '@app/clock';
import { OFFICE_REGIONS } from '@app/config';
import { Secret } from '@app/secrets';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionItem, CopyOptions, ItemRef, RestoreCredentials } from '../../model.js';
import { clientOf } from '../../testing/client-of.js';
import { makeCertificate, ok, ScriptedUpstream, status } from '../../testing/scripted-upstream.js';
import {
  deviationsOf,
  type OpenApiDocument,
  operationsOf,
  resolverOf,
  type WireRequest,
} from '../../testing/wire-check.js';
import { v8Operations } from '../../testing/wire-schemas/v8.js';
import { toJson } from '../../wire/body.js';
import type { Call } from '../../wire/call.js';
import type { Dialect } from '../dialect.js';
import { v8 } from './index.js';

type CallsOf<T> = {
  [Name in keyof T as Required<T>[Name] extends (...args: never[]) => unknown ? Name : never]-?: Call<unknown>[];
};

const VENDOR_DOCUMENT = join(process.cwd(), '../shared/upstream/openapi-v8.json');
const sid = '61954db6-7278-4d26-86f7-888bda5a4ec4';
const organizationId = 'a602e179-a821-4544-b653-f4aa03b39817';
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

/** Every call of the dialect with every combination of options; a call without a row here does not compile. */
const mailServer = { server: 'smtp.contoso.com', port: 587, from: 'restore@contoso.com', usesTls: true };

const everyCall: CallsOf<Dialect> & CallsOf<NonNullable<Dialect['following']>> & { emailSettings: Call<unknown>[] } = {
  health: [v8.health()],
  listOrganizations: [v8.listOrganizations(page)],
  listUsers: [v8.listUsers(organizationId, page)],
  findUsers: [v8.findUsers(organizationId, 'a+b&c=d@contoso.com', page)],
  findUsersByDisplayName: [v8.findUsersByDisplayName(organizationId, 'Alice & Bob', page)],
  listUserOneDrives: [v8.listUserOneDrives(organizationId, userId, page)],
  openRestoreSession: [undefined, '2026-01-10T12:00:00+02:00'].flatMap((pointInTime) =>
    flags.flatMap((showDeleted) =>
      flags.map((showAllVersions) =>
        v8.openRestoreSession(organizationId, { pointInTime, showDeleted, showAllVersions }),
      ),
    ),
  ),
  getRestoreSession: [v8.getRestoreSession(sid)],
  stopRestoreSession: [v8.stopRestoreSession(sid)],
  listRestoreEvents: [v8.listRestoreEvents(sid, page)],
  requestDeviceCode: [v8.requestDeviceCode(sid, applicationId)],
  listOneDrives: [v8.listOneDrives(sid, page)],
  getOneDrive: [v8.getOneDrive(sid, oneDriveId)],
  listItems: (['folder', 'document'] as const).flatMap((kind) =>
    [undefined, itemId].map((parentId) => v8.listItems(sid, { oneDriveId, kind, parentId }, page)),
  ),
  getItem: singleItems.map((ref) => v8.getItem(sid, ref)),
  listVersions: singleItems
    .filter(({ versionId }) => versionId === undefined)
    .map((ref) => v8.listVersions?.(sid, ref, page))
    .filter((call) => call !== undefined),
  searchOneDrive: [v8.searchOneDrive(sid, oneDriveId, 'plan', page)],
  searchOneDrives: [v8.searchOneDrives?.(sid, 'plan', page)].filter((call) => call !== undefined),
  emailSettings: v8.emailSettings.flatMap(({ read, change }) => [
    read(),
    ...[undefined, { userName: 'mailer', password: secret }].map((login) => change({ ...mailServer, login })),
  ]),
  restore: everyItem.flatMap((each) =>
    everyCredential.flatMap((credentials) =>
      (['keep', 'overwrite'] as const).map((documentAction) =>
        v8.restore(sid, each, { documentVersion: 'last', documentAction }, credentials),
      ),
    ),
  ),
  copy: everyItem.flatMap((each) =>
    everyCredential.flatMap((credentials) =>
      everyCopyOptions.map((options) => v8.copy(sid, each, options, credentials)),
    ),
  ),
  send: everyItem.map((each) =>
    v8.send(sid, each, { from: 'a@contoso.com', to: 'b@contoso.com', subject: '', text: 'ä' }),
  ),
  save: everyItem.flatMap((each) => flags.map((asZip) => v8.save(sid, each, { asZip }))),
  checkDeviceCode: [v8.checkDeviceCode?.(secret)].filter((call) => call !== undefined),
  logout: [v8.logout?.()].filter((call) => call !== undefined),
  listRestoreSessions: [v8.following?.listRestoreSessions('2026-01-15T10:29:59.000Z', page)].filter(
    (call) => call !== undefined,
  ),
  restoreStatistics: [v8.following?.restoreStatistics(sid)].filter((call) => call !== undefined),
};

const requestOf = ({ method, route, body }: Call<unknown>): WireRequest => ({
  method,
  url: `/v8${route.path}`,
  body: body === undefined ? undefined : JSON.parse(toJson(body)),
});

/** Logins are no calls of the dialect: these are what really came. */
async function loginRequests(): Promise<WireRequest[]> {
  const upstream = await ScriptedUpstream.start(makeCertificate());
  const clock = new ManualClock();
  const client = clientOf(upstream, { apiVersion: 'v8', clock });
  try {
    upstream.on('GET /v8/Organizations', ok({ results: [] }));
    upstream.on('POST /v8/token/logout', status(204));
    await client.checkHealth();
    await clock.advance(3_600_000);
    await client.listOrganizations();
    await client.logout();
    return upstream.received.map(({ method, url, headers, body }) => ({
      method,
      url,
      body: headers['content-type'] ? formOf(body) : undefined,
    }));
  } finally {
    await client.close();
    await upstream.close();
  }
}

/** A form is all text; `true` stands for the boolean that it means. */
const formOf = (body: string) =>
  Object.fromEntries([...new URLSearchParams(body)].map(([name, value]) => [name, value === 'true' ? true : value]));

const allRequests = async () => [...Object.values(everyCall).flat().map(requestOf), ...(await loginRequests())];

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

it('every request to v8 is one of our own wire schemas, and all of those are used', async () => {
  const requests = await allRequests();
  expect(requests.flatMap((request) => deviationsOf(request, v8Operations))).toEqual([]);
  const unused = v8Operations.filter((operation) =>
    requests.every((request) => deviationsOf(request, [operation]).some((fault) => fault.endsWith('is no operation'))),
  );
  expect(unused).toEqual([]);
  report(`v8: ${requests.length} requests checked against ${v8Operations.length} wire schemas of our own`);
});

const isThere = existsSync(VENDOR_DOCUMENT);
if (!isThere) report("v8: SKIPPED the check against the vendor's document, which is not there");

(isThere ? describe : describe.skip)("against the vendor's document", () => {
  const document = isThere ? (JSON.parse(readFileSync(VENDOR_DOCUMENT, 'utf8')) as OpenApiDocument) : undefined;
  const check = (request: WireRequest) =>
    document
      ? deviationsOf(request, operationsOf(document), resolverOf(document)).filter((fault) => !isOfNamedItem(fault))
      : [];
  /** Items are named by their ids alone, as every client does: the document reuses the schema of answers there. */
  const isOfNamedItem = (fault: string) => /: body\.(?:folders|documents)\[\d+\]\.(?!id )\w+ is missing$/.test(fault);

  it('every request to v8 holds', async () => {
    const requests = await allRequests();
    expect(requests.flatMap(check)).toEqual([]);
    report(`v8: ${requests.length} requests checked against the vendor's document`);
  });

  it.each(plantedDeviations())('a planted deviation is found: %s', (_, request, deviation) => {
    expect(check(request).map(inOrder)).toEqual([deviation]);
  });

  it('every error code is in the table but the one that says nothing', () => {
    const codes = document?.components.schemas.RESTExceptionInfo?.properties?.errorCode?.enum ?? [];
    expect([...Object.keys(v8.refusals.errorCodes), 'HttpError'].sort()).toEqual([...codes].sort());
  });
});

it.each(plantedDeviations())('our own schemas find a planted deviation: %s', (_, request, deviation) => {
  expect(deviationsOf(request, v8Operations)).toEqual([deviation]);
});

it('our own schemas want every member that is always sent', () => {
  const [copy] = everyCall.copy.map(requestOf).map((request) => {
    const body = Object.fromEntries(Object.entries(request.body as object).filter(([name]) => name !== 'changedItems'));
    return deviationsOf({ ...request, body }, v8Operations);
  });
  expect(copy).toEqual([expect.stringMatching(/copyTo: body\.changedItems is missing$/)]);
});

/** The vendor lists the two values of `documentAction` the other way round. */
const inOrder = (fault: string) => fault.replace('Overwrite or Keep', 'Keep or Overwrite');

function plantedDeviations(): [string, WireRequest, string][] {
  const template = '/v8/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}';
  const first = ([call]: Call<unknown>[]): WireRequest =>
    call ? requestOf(call) : { method: 'none', url: '', body: undefined };
  const restore = first(everyCall.restore);
  const members = restore.body as Record<string, unknown>;
  const explore = first(everyCall.openRestoreSession);
  const of = (name: string, fault: string) => `POST ${template}/${name}: ${fault}`;
  return [
    [
      'a member of v5',
      { ...restore, body: { ...members, documentVersion: 'last' } },
      of('restore', 'body.documentVersion is unknown'),
    ],
    [
      'a value of v5',
      { ...restore, body: { ...members, documentAction: 'keep' } },
      of('restore', 'body.documentAction is keep, not Keep or Overwrite'),
    ],
    ['a verb without its body', { ...restore, body: undefined }, of('restore', 'has no body')],
    ['a body where there is none', { ...first(everyCall.save), body: { save: null } }, of('save', 'has a body')],
    [
      'a path of v5',
      { ...restore, url: restore.url.replace(/restore$/, 'Action') },
      `POST ${restore.url.replace(/restore$/, 'Action')} is no operation`,
    ],
    [
      'a query of v5',
      { method: 'GET', url: `/v8/Organizations/${organizationId}/Users?username=a`, body: undefined },
      'GET /v8/Organizations/{organizationId}/Users: ?username is unknown',
    ],
    [
      'a time without a zone',
      { ...explore, body: { ...(explore.body as object), dateTime: '2026-01-10 12:00:00' } },
      'POST /v8/Organizations/{organizationId}/explore: body.dateTime is no date-time',
    ],
    [
      'an id of another shape',
      { method: 'GET', url: '/v8/RestoreSessions/1', body: undefined },
      'GET /v8/RestoreSessions/{restoreSessionId}: {restoreSessionId} is no uuid',
    ],
  ];
}
