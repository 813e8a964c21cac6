import {
  count,
  either,
  flag,
  isSince,
  like,
  list,
  maybe,
  nullable,
  object,
  oneOf,
  only,
  type Part,
  since,
  smallCount,
  text,
  time,
  turnedBy,
  upTo,
  uuid,
} from './notation.js';

/*
 * What the answers of VB365 are made of: for v6 to v8 by the vendor's documents and narrower than they are, for v5 by what its pages
 * and its clients tell.
 */

/** Absolute and with its path in lower case up to v5, below the version from v6 on. */
const href: Part = (version) => ({
  type: 'string',
  pattern: isSince(version, 'v6') ? `^/${version}/[A-Z]` : `^https://[^/]+:\\d+/${version}/[a-z]+([/?]|$)`,
});
const link = object({ href });
const links = (...names: readonly string[]): Part => object(Object.fromEntries(names.map((name) => [name, link])));

const oneDriveId = like(/^[0-9a-f-]{72}$/);
/** Two ids, and for people on premises base64 behind them. */
const userId = like(/^[0-9a-f-]{72}([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2,3}={1,2})?$/);
const duration = like(/^\d\d:\d\d:\d\d$/);
const versionLabel = like(/^\d+\.\d+$/);
const itemTime = turnedBy('v6', like(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/), time);
const tokenTime = turnedBy('v6', like(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/), time);
const organizationType = oneOf('Office365', 'OnPremises', 'Hybrid');

/** @param isKept whether the collection is kept, and has an id for that */
export const page = (results: Part, isKept = false): Part =>
  object({
    offset: smallCount,
    limit: smallCount,
    ...(isKept && { setId: since('v6', uuid) }),
    totalCount: since('v6', upTo('v7', smallCount)),
    results: list(results),
    _links: object({ first: maybe(link), prev: maybe(link), self: link, next: maybe(link) }),
  });

export const token = object({
  access_token: text,
  refresh_token: text,
  token_type: oneOf('bearer'),
  expires_in: count,
  userName: text,
  '.issued': tokenTime,
  '.expires': tokenTime,
});

/** What only the proxy knows is there when asked for, from v6 on. */
export const organization = object({
  type: organizationType,
  id: uuid,
  name: text,
  officeName: text,
  description: since('v7', nullable(text)),
  region: oneOf('Worldwide', 'Germany', 'China', 'USDefence', 'USGovernment'),
  isExchangeOnline: flag,
  isSharePointOnline: flag,
  isTeamsOnline: since('v6', flag),
  isBackedup: maybe(flag, 'v6'),
  firstBackuptime: maybe(time),
  lastBackuptime: maybe(time),
  msid: since('v8', uuid),
  backedUpOrganizationId: since('v8', text),
  _links: links('self', 'users'),
});
export const organizations = turnedBy('v8', list(organization), page(organization));

export const user = object({
  id: userId,
  displayName: text,
  name: text,
  type: oneOf('User', 'Shared', 'Public'),
  isBackedUp: upTo('v5', flag),
  locationType: since('v6', oneOf('OnPremises', 'Cloud', 'Hybrid')),
  onPremisesSid: maybe(since('v7', text)),
  office: since('v7', text),
  eTag: since('v8', count),
  assignedLicenses: since(
    'v8',
    list(object({ skuId: uuid, skuPartNumber: text, detectedSkuType: oneOf('Other', 'Education') })),
  ),
  msid: since('v8', nullable(uuid)),
  dataLocation: since('v8', nullable(text)),
  _links: links('self', 'organization', 'onedrives'),
});

const oneDriveWith = (...names: readonly string[]): Part =>
  object({ id: oneDriveId, name: text, url: text, _links: links(...names) });
/** In production, below its user. */
export const userOneDrive = oneDriveWith('self', 'user');
export const oneDrive = oneDriveWith('self', 'organization', 'folders', 'documents');

export const sessionOrganization = object({
  id: uuid,
  name: text,
  type: organizationType,
  _links: links('self', 'onedrives'),
});

/** No page of v5 lists its states; earlier ones had four. */
const sessionState = turnedBy('v6', oneOf('Starting', 'Working', 'Stopping', 'Stopped'), oneOf('Working', 'Stopped'));

export const session = object({
  id: uuid,
  name: text,
  organization: text,
  type: oneOf('Vex', 'Veod', 'Vesp', 'Vet'),
  creationTime: time,
  endTime: maybe(time),
  state: sessionState,
  result: oneOf('Success', 'Warning', 'Failed'),
  initiatedBy: text,
  details: text,
  scopeName: since('v6', text),
  clientHost: since('v6', text),
  reason: since('v6', text),
  eTag: since('v8', count),
  _links: object({
    self: link,
    organization: link,
    events: link,
    statistics: since('v8', link),
  }),
});

export const event = object({
  id: uuid,
  type: oneOf('None', 'Save', 'Export', 'Send', 'Restore', 'View'),
  status: oneOf('Running', 'Success', 'Warning', 'Failed', 'Cancelled', 'Skipped'),
  startTime: time,
  endTime: maybe(time),
  duration,
  title: text,
  message: text,
  order: smallCount,
  itemName: maybe(text),
  itemType: maybe(text),
  itemSizeBytes: maybe(count),
  target: maybe(text),
  organizationId: since('v8', uuid),
  backedUpOrganizationId: since('v8', text),
  _links: links('self'),
});

const ofAnyItem = {
  oneDriveId: since('v8', oneDriveId),
  id: uuid,
  name: text,
  version: versionLabel,
  versionId: since('v6', smallCount),
  createdBy: text,
  creationTime: itemTime,
  modifiedBy: text,
  modificationTime: itemTime,
};
const upwards = { self: link, onedrive: link, parent: maybe(link) };

export const folder = object({
  ...ofAnyItem,
  isFolder: since('v7', only(true)),
  _links: object({ ...upwards, folders: link, documents: link }),
});
export const document = object({
  ...ofAnyItem,
  sizeBytes: count,
  inheritedPermissions: flag,
  isFolder: since('v7', only(false)),
  _links: object(upwards),
});
export const anyItem = either(document, folder);
/** In a list of documents, among which folders may be from v7 on. */
export const documentOrMore = turnedBy('v7', document, anyItem);

const issues = list(
  object({
    id: uuid,
    path: text,
    title: text,
    type: oneOf('Item', 'List', 'Site'),
    warnings: list(text),
    error: maybe(text),
  }),
);
/** Of a restore or copy that was waited for. */
const waitedFor = object({
  totalItemsCount: count,
  restoredItemsCount: smallCount,
  failedItemsCount: smallCount,
  skippedItemsByErrorCount: count,
  skippedItemsByNoChangesCount: count,
  failedRestrictionsCount: nullable(count),
  restoreIssues: issues,
});
const bulkStatus = oneOf('Failed', 'Warning', 'Success');
const bulkWaitedFor = object({
  status: bulkStatus,
  error: maybe(text),
  details: list(
    object({
      oneDrive,
      status: bulkStatus,
      error: maybe(text),
      details: object({ failedRestrictionsCount: nullable(count), restoreIssues: issues }),
    }),
  ),
});
const begun = object({ sessionId: uuid });
export const restored = turnedBy('v8', waitedFor, begun);
export const bulkRestored = turnedBy('v8', bulkWaitedFor, begun);

const restoredItem = {
  id: text,
  name: text,
  title: text,
  itemType: oneOf('OneDriveItem'),
  status: oneOf('Failed', 'Warning', 'Success', 'Skipped'),
  error: maybe(text),
  warnings: list(text),
};
const oneItem = object({ ...restoredItem, itemRestoreDetailsType: oneOf('Item'), path: text });
const wholeOneDrive = object({
  ...restoredItem,
  itemRestoreDetailsType: oneOf('BulkOneDrive'),
  childItems: list(oneItem),
  oneDriveWebId: uuid,
  oneDriveSiteId: uuid,
  oneDriveUrl: text,
});
export const statistics = object({
  totalItemsCount: count,
  restoredItemsCount: count,
  failedItemsCount: count,
  skippedItemsCount: count,
  warnings: list(text),
  errors: list(text),
  items: list(either(oneItem, wholeOneDrive)),
});

export const deviceCode = object({
  userCode: like(/^[A-Z0-9]{9}$/),
  verificationUrl: text,
  expiresIn: count,
  message: text,
});
export const deviceCodeCheck = object({ authenticated: flag });

export const emailSettings = object({
  enableNotification: flag,
  smtpServer: upTo('v5', text),
  server: since('v6', text),
  port: smallCount,
  from: text,
  useSSL: flag,
  useAuthentication: flag,
  username: text,
  authenticationType: since('v8', oneOf('CustomSmtp', 'GoogleGmail', 'Microsoft365')),
  mailApiUrl: since('v8', nullable(text)),
  isAuthenticated: since('v8', nullable(flag)),
  _links: since('v6', links('self')),
});

const healthStatus = oneOf('Healthy', 'Unhealthy');
const healthEntry = object({ status: healthStatus, description: maybe(nullable(text)) });
export const health = object({ status: healthStatus, entries: object({ NATS: healthEntry, PostgreSQL: healthEntry }) });
export const serviceInstance = object({ installationId: uuid, version: like(/^\d+(\.\d+){3}$/) });
