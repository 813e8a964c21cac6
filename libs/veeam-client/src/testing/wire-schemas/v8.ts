import type { WireOperation, WireSchema } from '../wire-check.js';

/*
 * What this client may send to API v8, whole: nothing that is missing here is ever sent. Written from the vendor's document and
 * narrower than it.
 */

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
const session = '/v8/RestoreSessions/{restoreSessionId}';
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
const post = (template: string, ids: WireOperation['ids'], body?: WireSchema): WireOperation => ({
  method: 'POST',
  template,
  ...(ids && { ids }),
  ...(body && { body }),
});

export const v8Operations: readonly WireOperation[] = [
  post(
    '/v8/token',
    {},
    object(
      {
        grant_type: oneOf('password', 'refresh_token'),
        username: text,
        password: text,
        refresh_token: text,
        disable_antiforgery_token: flag,
      },
      'grant_type',
      'disable_antiforgery_token',
    ),
  ),
  post('/v8/token/logout', {}),
  get('/v8/Organizations', {}, { ...page, extendedView: oneOf('true') }),
  get('/v8/Organizations/{organizationId}/Users', ofOrganization, { ...page, userName: text }),
  get('/v8/Organizations/{organizationId}/Users/{userId}/OneDrives', { ...ofOrganization, userId: text }, page),
  post(
    '/v8/Organizations/{organizationId}/explore',
    ofOrganization,
    object(
      { dateTime: time, type: oneOf('Veod'), showDeleted: flag, showAllVersions: flag },
      'type',
      'showDeleted',
      'showAllVersions',
    ),
  ),
  post('/v8/DeviceCode/check', {}, object({ userCode: text }, 'userCode')),
  get(
    '/v8/RestoreSessions',
    {},
    { ...page, startTimeFrom: time, orderBy: oneOf('CreationTime'), orderAsc: oneOf('false') },
  ),
  get(session, ofSession),
  get(`${session}/Statistics`, ofSession),
  get(`${session}/Events`, ofSession, page),
  post(`${session}/Stop`, ofSession),
  post(
    `${session}/organization/restoreDeviceCode`,
    ofSession,
    object({ targetApplicationId: uuid }, 'targetApplicationId'),
  ),
  get(`${session}/Organization/OneDrives`, ofSession, page),
  get(oneDrive, ofOneDrive),
  post(
    `${oneDrive}/restore`,
    ofOneDrive,
    object({ ...login, documentAction: oneOf('Keep', 'Overwrite') }, 'documentAction'),
  ),
  post(
    `${oneDrive}/copyTo`,
    ofOneDrive,
    object(
      {
        ...login,
        onedrive: object({ id: text, name: text, url: text }, 'id', 'name', 'url'),
        folder: text,
        documentVersion: oneOf('All', 'Last'),
        documentLastVersionAction: oneOf('Merge', 'Overwrite'),
        changedItems: flag,
        deletedItems: flag,
        restorePermissions: flag,
        sendSharedLinksNotification: flag,
      },
      'onedrive',
      'documentVersion',
      'documentLastVersionAction',
      'changedItems',
      'deletedItems',
      'restorePermissions',
      'sendSharedLinksNotification',
    ),
  ),
  post(
    `${oneDrive}/send`,
    ofOneDrive,
    object({ from: text, to: text, subject: text, text }, 'from', 'to', 'subject', 'text'),
  ),
  post(`${oneDrive}/save`, ofOneDrive),
  get('/v8/VeodEmailSettings', {}),
  put(
    '/v8/VeodEmailSettings',
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
