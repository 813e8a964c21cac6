import type { WireOperation, WireSchema } from '../wire-check.js';

/*
 * What this client may send to the API versions v6 to v8, whole: nothing that is missing here is ever sent. Written from the vendor's
 * documents and narrower than they are.
 */

export type VerbVersion = 'v6' | 'v7' | 'v8';

const text: WireSchema = { type: 'string' };
const uuid: WireSchema = { type: 'string', format: 'uuid' };
const time: WireSchema = { type: 'string', format: 'date-time' };
const flag: WireSchema = { type: 'boolean' };
const count: WireSchema = { type: 'integer' };
const oneOf = (...values: string[]): WireSchema => ({ type: 'string', enum: values });
const object = (properties: Record<string, WireSchema>, ...required: string[]): WireSchema => ({
  type: 'object',
  properties,
  required,
});

const page = { offset: count, limit: count };
const login = {
  userName: text,
  userPassword: text,
  userCode: text,
  applicationId: uuid,
  applicationCertificate: text,
  applicationCertificatePassword: text,
  officeRegion: oneOf('Worldwide', 'Germany', 'China', 'USDefence', 'USGovernment'),
};
const session = '/RestoreSessions/{restoreSessionId}';
const oneDrive = `${session}/Organization/OneDrives/{oneDriveId}`;
const ofSession = { restoreSessionId: uuid };
const ofOneDrive = { ...ofSession, oneDriveId: text };
const ofOrganization = { organizationId: uuid };

const get = (template: string, ids: WireOperation['ids'], query: WireOperation['query'] = {}): WireOperation => ({
  method: 'GET',
  template,
  ...(ids && { ids }),
  query,
});
const put = (template: string, body: WireSchema): WireOperation => ({ method: 'PUT', template, body });
const post = (
  template: string,
  ids: WireOperation['ids'],
  body?: WireSchema,
  query: WireOperation['query'] = {},
): WireOperation => ({
  method: 'POST',
  template,
  ...(ids && { ids }),
  ...(body && { body }),
  query,
});

const search = object({ query: text }, 'query');
const searched = { ...page, itemType: oneOf('All') };
const someItems: WireSchema = { type: 'array', items: object({ id: uuid }, 'id') };

interface Level {
  readonly path: string;
  readonly ids: Readonly<Record<string, WireSchema>>;
  readonly kind: 'folders' | 'documents';
  readonly named?: Readonly<Record<string, WireSchema>>;
}

const folder: Level = {
  path: `${oneDrive}/Folders/{folderId}`,
  ids: { ...ofOneDrive, folderId: uuid },
  kind: 'folders',
};
const document: Level = {
  path: `${oneDrive}/Documents/{documentId}`,
  ids: { ...ofOneDrive, documentId: uuid },
  kind: 'documents',
};
const items = [folder, document];
const atVersion = ({ path, ids, kind }: Level): Level => ({
  path: `${path}/Versions/{versionId}`,
  ids: { ...ids, versionId: count },
  kind,
});

const levels: readonly Level[] = [
  { path: oneDrive, ids: ofOneDrive, kind: 'folders' },
  folder,
  atVersion(folder),
  document,
  atVersion(document),
  { path: `${oneDrive}/Folders`, ids: ofOneDrive, kind: 'folders', named: { folders: someItems } },
  { path: `${oneDrive}/Documents`, ids: ofOneDrive, kind: 'documents', named: { documents: someItems } },
];

const copied = {
  ...login,
  onedrive: object({ id: text, name: text, url: text }, 'id', 'name', 'url'),
  folder: text,
  documentVersion: oneOf('All', 'Last'),
  documentLastVersionAction: oneOf('Merge', 'Overwrite'),
};
const alwaysCopied = ['onedrive', 'documentVersion', 'documentLastVersionAction'];
const choices = { changedItems: flag, deletedItems: flag };
const sharing = { restorePermissions: flag, sendSharedLinksNotification: flag };

/** Single documents come without what their folder is shared by, and before v8 without a choice of what changed or was deleted. */
function copyOf({ kind, named = {} }: Level, version: VerbVersion): WireSchema {
  const asked = { ...(kind === 'folders' || version === 'v8' ? choices : {}), ...(kind === 'folders' ? sharing : {}) };
  return having(named, { ...copied, ...asked }, ...alwaysCopied, ...Object.keys(asked));
}

/** @param named members that name the items, where the path does not; they are required */
function having(
  named: Readonly<Record<string, WireSchema>>,
  properties: Readonly<Record<string, WireSchema>> = {},
  ...required: string[]
): WireSchema {
  return object({ ...named, ...properties }, ...Object.keys(named), ...required);
}

/** A folder, or what the version calls the root: whether it knows the other's word too, the vendor's documents do not say. */
function parentOf(version: VerbVersion): WireSchema {
  return { ...uuid, words: [version === 'v6' ? 'null' : 'root'] };
}

/** From v8 on restores go on after their answer. */
const followed = [
  get(
    '/RestoreSessions',
    {},
    { ...page, startTimeFrom: time, orderBy: oneOf('CreationTime'), orderAsc: oneOf('false') },
  ),
  get(`${session}/Statistics`, ofSession),
];

export function verbOperations(version: VerbVersion): WireOperation[] {
  return operationsSince(version).map((operation) => ({ ...operation, template: `/${version}${operation.template}` }));
}

function operationsSince(version: VerbVersion): readonly WireOperation[] {
  return [
    post(
      '/token',
      {},
      object(
        {
          grant_type: oneOf('password', 'refresh_token'),
          username: text,
          password: text,
          refresh_token: text,
          ...(version === 'v6' ? {} : { disable_antiforgery_token: flag }),
        },
        'grant_type',
        ...(version === 'v6' ? [] : ['disable_antiforgery_token']),
      ),
    ),
    ...(version === 'v6' ? [] : [post('/token/logout', {})]),
    get('/Organizations', {}, { ...(version === 'v8' ? page : {}), extendedView: oneOf('true') }),
    get('/Organizations/{organizationId}/Users', ofOrganization, { ...page, userName: text, displayName: text }),
    get('/Organizations/{organizationId}/Users/{userId}/OneDrives', { ...ofOrganization, userId: text }, page),
    post(
      '/Organizations/{organizationId}/explore',
      ofOrganization,
      object(
        { dateTime: time, type: oneOf('Veod'), showDeleted: flag, showAllVersions: flag },
        'type',
        'showDeleted',
        'showAllVersions',
      ),
    ),
    post('/DeviceCode/check', {}, object({ userCode: text }, 'userCode')),
    ...(version === 'v8' ? followed : []),
    get(session, ofSession),
    get(`${session}/Events`, ofSession, page),
    post(`${session}/Stop`, ofSession),
    post(
      `${session}/organization/restoreDeviceCode`,
      ofSession,
      object({ targetApplicationId: uuid }, 'targetApplicationId'),
    ),
    get(`${session}/Organization/OneDrives`, ofSession, page),
    get(oneDrive, ofOneDrive),
    get(`${oneDrive}/Folders`, ofOneDrive, { ...page, parentId: parentOf(version) }),
    get(`${oneDrive}/Documents`, ofOneDrive, { ...page, parentId: parentOf(version) }),
    ...items.flatMap(({ path, ids }) => [
      get(path, ids),
      get(`${path}/Versions/{versionId}`, { ...ids, versionId: count }),
      get(`${path}/Versions`, ids, page),
    ]),
    post(`${session}/Organization/OneDrives/search`, ofSession, search, searched),
    post(`${oneDrive}/search`, ofOneDrive, search, searched),
    ...levels.flatMap((level) => {
      const { path, ids, named = {} } = level;
      return [
        post(
          `${path}/restore`,
          ids,
          having(named, { ...login, documentAction: oneOf('Keep', 'Overwrite') }, 'documentAction'),
        ),
        post(`${path}/copyTo`, ids, copyOf(level, version)),
        post(
          `${path}/send`,
          ids,
          having(named, { from: text, to: text, subject: text, text }, 'from', 'to', 'subject', 'text'),
        ),
      ];
    }),
    post(`${oneDrive}/save`, ofOneDrive),
    ...[folder, atVersion(folder)].map(({ path, ids }) => post(`${path}/save`, ids)),
    ...[document, atVersion(document)].map(({ path, ids }) =>
      post(`${path}/save`, ids, object({ asZip: flag }, 'asZip')),
    ),
    post(`${oneDrive}/Folders/save`, ofOneDrive, having({ folders: someItems })),
    post(`${oneDrive}/Documents/save`, ofOneDrive, having({ documents: someItems })),
    get('/VeodEmailSettings', {}),
    put(
      '/VeodEmailSettings',
      object(
        {
          enableNotification: flag,
          server: text,
          port: count,
          from: text,
          useSSL: flag,
          useAuthentication: flag,
          username: text,
          userPassword: text,
        },
        'enableNotification',
        'server',
        'port',
        'from',
        'useSSL',
        'useAuthentication',
      ),
    ),
  ];
}
