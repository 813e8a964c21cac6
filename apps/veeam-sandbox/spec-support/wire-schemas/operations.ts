import type { AnswerBody, Contract, Operation } from '../answer-check.js';
import { isSince, type Part, type Version } from './notation.js';
import { refusalOf } from './refusals.js';
import * as shape from './shapes.js';

/* Every operation of the sandbox, and with that every one that the gateway uses: its status and its answer in each version. */

type Status = number | Readonly<Record<Version, number>>;
type Body = Part | 'nothing' | 'file';

interface Row {
  readonly method: string;
  readonly pattern: string;
  readonly action?: string;
  readonly status: Status;
  readonly bodies: readonly Body[];
}

const made: Status = { v5: 201, v6: 200, v7: 200, v8: 201 };
const done: Status = { v5: 200, v6: 200, v7: 200, v8: 204 };

const get = (pattern: string, body: Body): Row => ({ method: 'GET', pattern, status: 200, bodies: [body] });
const post = (pattern: string, body: Body, status: Status = 200): Row => ({
  method: 'POST',
  pattern,
  status,
  bodies: [body],
});
/** One of the actions that share a URL up to v5. */
const act = (pattern: string, action: string, bodies: readonly Body[], status: Status = 200): Row => ({
  method: 'POST',
  pattern: `${pattern}/Action`,
  action,
  status,
  bodies,
});

const organization = 'Organizations/{organizationId}';
const user = `${organization}/Users/{userId}`;
const session = 'RestoreSessions/{restoreSessionId}';
const oneDrives = `${session}/Organization/OneDrives`;
const oneDrive = `${oneDrives}/{oneDriveId}`;
const folder = `${oneDrive}/Folders/{folderId}`;
const document = `${oneDrive}/Documents/{documentId}`;
/** What can be acted on, up to v5 and from v6 on. */
const targets = [oneDrive, `${oneDrive}/Folders`, folder, `${oneDrive}/Documents`, document];
const versionTargets = [folder, document].map((item) => `${item}/Versions/{versionId}`);
const found = shape.page(shape.anyItem, true);

const inAll: readonly Row[] = [
  post('token', shape.token),
  get('Organizations', shape.organizations),
  get(organization, shape.organization),
  get(`${organization}/Users`, shape.page(shape.user, true)),
  get(user, shape.user),
  get(`${user}/OneDrives`, shape.page(shape.userOneDrive, true)),
  get(`${user}/OneDrives/{onedriveId}`, shape.userOneDrive),
  get('RestoreSessions', shape.page(shape.session)),
  get(session, shape.session),
  get(`${session}/organization`, shape.sessionOrganization),
  get(`${session}/Events`, shape.page(shape.event)),
  get(`${session}/Events/{eventId}`, shape.event),
  post(`${session}/organization/restoreDeviceCode`, shape.deviceCode),
  get(oneDrives, shape.page(shape.oneDrive)),
  get(oneDrive, shape.oneDrive),
  get(`${oneDrive}/Folders`, shape.page(shape.folder)),
  get(folder, shape.folder),
  get(`${oneDrive}/Documents`, shape.page(shape.documentOrMore)),
  get(document, shape.document),
  ...['VeodEmailSettings', 'VespEmailSettings'].flatMap((settings) => [
    get(settings, shape.emailSettings),
    post(`${settings}/SendTestEmail`, 'nothing', done),
  ]),
];

/** No page tells whether restores and copies are answered with anything. */
const counts: readonly Body[] = [shape.restored, 'nothing'];

const upToV5: readonly Row[] = [
  act(organization, 'explore', [shape.session], made),
  act(session, 'stop', ['nothing'], done),
  act(oneDrives, 'restoretooriginallocation', [shape.bulkRestored]),
  act(oneDrive, 'search', [found]),
  ...targets.flatMap((target) => [
    act(target, 'restoretooriginallocation', counts),
    act(target, 'copyto', counts),
    act(target, 'sendto', ['nothing'], done),
    act(target, 'save', ['file']),
  ]),
  ...['VeodEmailSettings', 'VespEmailSettings'].map((settings) => ({
    ...get(settings, shape.emailSettings),
    method: 'PUT',
  })),
];

const sinceV6: readonly Row[] = [
  get('ServiceInstance', shape.serviceInstance),
  post('DeviceCode/check', shape.deviceCodeCheck),
  post(`${organization}/explore`, shape.session, made),
  post(`${session}/Stop`, 'nothing', done),
  ...[
    { item: folder, body: shape.folder },
    { item: document, body: shape.document },
  ].flatMap(({ item, body }) => [get(`${item}/Versions`, shape.page(body)), get(`${item}/Versions/{versionId}`, body)]),
  ...[oneDrives, oneDrive, folder].map((place) => post(`${place}/search`, found)),
  post(`${oneDrives}/restore`, shape.bulkRestored),
  ...[...targets, ...versionTargets].flatMap((target) => [
    post(`${target}/restore`, shape.restored),
    post(`${target}/copyTo`, shape.restored),
    post(`${target}/send`, 'nothing', done),
    post(`${target}/save`, 'file'),
  ]),
  ...['VeodEmailSettings', 'VespEmailSettings'].map((settings) => ({
    ...post(settings, 'nothing', done),
    method: 'PUT',
  })),
];

const sinceV7: readonly Row[] = [post('token/logout', 'nothing', done)];

const sinceV8: readonly Row[] = [get('Health', shape.health), get(`${session}/Statistics`, shape.statistics)];

function rowsOf(version: Version): Row[] {
  return [
    ...inAll,
    ...(version === 'v5' ? upToV5 : sinceV6),
    ...(isSince(version, 'v7') ? sinceV7 : []),
    ...(isSince(version, 'v8') ? sinceV8 : []),
  ];
}

function operationOf({ method, pattern, action, status, bodies }: Row, version: Version): Operation {
  const answers = bodies.flatMap((body): AnswerBody[] => {
    if (typeof body === 'string') return [body];
    const schema = body(version);
    return schema ? [schema] : [];
  });
  return {
    method,
    pattern,
    ...(action !== undefined && { action }),
    answers: { [typeof status === 'number' ? status : status[version]]: answers },
  };
}

/** What a version may answer, by our own account. */
export function wireSchemasOf(version: Version): Contract {
  return {
    title: `own schemas of ${version}`,
    version,
    operations: rowsOf(version).map((row) => operationOf(row, version)),
    schemas: {},
    refusalOf: (status, pattern) => refusalOf(version, status, pattern),
  };
}

/** What a URL of no version, or of one that is not served, is answered with. */
export const unserved: Contract = {
  title: 'no version',
  version: '',
  operations: [],
  schemas: {},
  refusalOf: (status) => (status === 404 ? refusalOf('v5', status, undefined) : undefined),
};
