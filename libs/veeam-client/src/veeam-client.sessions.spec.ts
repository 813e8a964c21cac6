import { SessionStoppedError, UpstreamRejectedError, UpstreamUnavailableError } from '@app/problems';
import { Secret } from '@app/secrets';
import {
  clientOf,
  failureOf,
  ITEM,
  ONEDRIVE_ID,
  ONEDRIVE_PATH,
  SESSION_ID,
  SESSION_PATH,
  wireSession,
} from './testing/client-of.js';
import { inTurn, makeCertificate, ok, ScriptedUpstream, status } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const SESSION = `GET ${SESSION_PATH}`;
const ONEDRIVE = `GET ${ONEDRIVE_PATH}`;
const STOP = `POST ${SESSION_PATH}/Action`;
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  client = clientOf(upstream);
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

describe('a session', () => {
  it('is opened with the end of a millisecond in UTC and lower-case names of v5', async () => {
    upstream.on('POST /v5/Organizations/organization-1/Action', ok(wireSession('Starting')));
    const pointInTime = '2026-01-10T12:00:00+02:00';
    await client.openRestoreSession('organization-1', { pointInTime, showDeleted: true, showAllVersions: false });
    const [request] = upstream.requests('POST /v5/Organizations/organization-1/Action');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      explore: { dateTime: '2026-01-10T10:00:00.0009999Z', type: 'veod', showDeleted: true, showAllVersions: false },
    });
  });

  it.each([
    ['Working', 'running'],
    ['starting', 'running'],
    ['Stopping', 'running'],
    ['Stopped', 'stopped'],
  ])('whose state is %s is %s', async (state, expected) => {
    upstream.on(SESSION, ok(wireSession(state)));
    expect((await client.getRestoreSession(SESSION_ID))?.state).toBe(expected);
  });

  it.each([400, 404])('that upstream does not know, by %i, is undefined', async (code) => {
    upstream.on(SESSION, status(code));
    expect(await client.getRestoreSession(SESSION_ID)).toBeUndefined();
  });
});

describe('stopping a session', () => {
  it('looks until it has stopped', async () => {
    upstream.on(STOP, status(200));
    upstream.on(SESSION, inTurn(ok(wireSession('Stopping')), ok(wireSession('Stopped'))));
    expect(await client.stopRestoreSession(SESSION_ID)).toBe('stopped');
    expect(upstream.requests(STOP).map(({ body }) => body)).toEqual(['{"stop":null}']);
  });

  it('tells when it did not take effect', async () => {
    upstream.on(STOP, status(200));
    upstream.on(SESSION, ok(wireSession('Working')));
    expect(await client.stopRestoreSession(SESSION_ID)).toBe('still-running');
    expect(upstream.requests(SESSION)).toHaveLength(5);
  });

  it('that is long gone is no fault', async () => {
    upstream.on(STOP, status(400));
    upstream.on(SESSION, status(400));
    expect(await client.stopRestoreSession(SESSION_ID)).toBe('stopped');
  });

  it('that is refused though the session runs is one', async () => {
    upstream.on(STOP, status(500));
    upstream.on(SESSION, ok(wireSession()));
    expect(await failureOf(client.stopRestoreSession(SESSION_ID))).toBeInstanceOf(UpstreamRejectedError);
  });
});

describe('a refusal below a session', () => {
  const calls: [string, string, () => Promise<unknown>][] = [
    [
      'a listing',
      `GET ${SESSION_PATH}/Organization/OneDrives`,
      () => client.listOneDrives(SESSION_ID, { offset: 0, limit: 30 }),
    ],
    ['a OneDrive', ONEDRIVE, () => client.getOneDrive(SESSION_ID, ONEDRIVE_ID)],
    [
      'a device code',
      `POST ${SESSION_PATH}/organization/restoreDeviceCode`,
      () => client.requestDeviceCode(SESSION_ID, { applicationId: 'app' }),
    ],
    [
      'a mail',
      `POST ${ONEDRIVE_PATH}/Action`,
      () => client.send(SESSION_ID, ITEM, { from: 'a@b.c', to: 'a@b.c', subject: '', text: '' }),
    ],
    [
      'a download',
      `POST ${ONEDRIVE_PATH}/Action`,
      () => client.save(SESSION_ID, ITEM, { asZip: true }, new AbortController().signal),
    ],
  ];

  it.each(calls)('of %s means a stopped session when the session says so', async (_, what, call) => {
    upstream.on(what, status(500));
    upstream.on(SESSION, ok(wireSession('Stopped')));
    expect(await failureOf(call())).toBeInstanceOf(SessionStoppedError);
  });

  it.each(calls)('of %s means a stopped session when upstream does not know the session', async (_, what, call) => {
    upstream.on(what, status(400));
    upstream.on(SESSION, status(404));
    expect(await failureOf(call())).toBeInstanceOf(SessionStoppedError);
  });

  it.each(calls)('of %s by 500 means nothing of the kind while the session runs', async (_, what, call) => {
    upstream.on(what, status(500));
    upstream.on(SESSION, ok(wireSession()));
    expect(await failureOf(call())).toBeInstanceOf(UpstreamRejectedError);
  });

  it('stays as it is when the session cannot be read', async () => {
    upstream.on(ONEDRIVE, status(500));
    upstream.on(SESSION, status(503));
    expect(await failureOf(client.getOneDrive(SESSION_ID, ONEDRIVE_ID))).toBeInstanceOf(UpstreamRejectedError);
  });

  it('is not looked into when it is of another kind', async () => {
    upstream.on(ONEDRIVE, status(503));
    expect(await failureOf(client.getOneDrive(SESSION_ID, ONEDRIVE_ID))).toBeInstanceOf(UpstreamUnavailableError);
    expect(upstream.requests(SESSION)).toHaveLength(0);
  });
});

it.each([400, 404])('a OneDrive that a running session does not have, by %i, is undefined', async (code) => {
  upstream.on(ONEDRIVE, status(code));
  upstream.on(SESSION, ok(wireSession()));
  expect(await client.getOneDrive(SESSION_ID, ONEDRIVE_ID)).toBeUndefined();
});

it('a page of OneDrives has more only when upstream names a next one', async () => {
  const oneDrive = { id: ONEDRIVE_ID, name: 'Alice', url: 'https://contoso-my.sharepoint.com/personal/alice' };
  const results = [{ ...oneDrive, _links: {}, unheardOf: 1 }];
  const listing = `GET ${SESSION_PATH}/Organization/OneDrives`;
  upstream.on(
    listing,
    inTurn(
      ok({ offset: 0, limit: 1, results, _links: { next: {} } }),
      ok({ offset: 1, limit: 1, results, _links: {} }),
    ),
  );
  expect(await client.listOneDrives(SESSION_ID, { offset: 0, limit: 1 })).toEqual({ items: [oneDrive], nextOffset: 1 });
  expect(await client.listOneDrives(SESSION_ID, { offset: 1, limit: 1 })).toEqual({
    items: [oneDrive],
    nextOffset: undefined,
  });
});

it('a device code is a secret', async () => {
  const path = `POST ${SESSION_PATH}/organization/restoreDeviceCode`;
  const answer = {
    userCode: 'C6A9DB737',
    verificationUrl: 'https://microsoft.com/devicelogin',
    expiresIn: 900,
    message: 'm',
  };
  upstream.on(path, ok(answer));
  const code = await client.requestDeviceCode(SESSION_ID, { applicationId: 'app-1' });
  expect(code.userCode).toBeInstanceOf(Secret);
  expect(code.userCode.expose()).toBe('C6A9DB737');
  expect(code).toMatchObject({ verificationUrl: answer.verificationUrl, expiresInSeconds: 900, message: 'm' });
  expect(upstream.requests(path).map(({ body }) => body)).toEqual(['{"targetApplicationId":"app-1"}']);
});

describe('e-mail settings', () => {
  const complete = { enableNotification: true, smtpServer: 'smtp.contoso.com' };
  const on = ok(complete);
  const off = ok({ ...complete, enableNotification: false });

  it.each([
    ['of the OneDrive Explorer', on, off],
    ['of the SharePoint Explorer', off, on],
    ['of the SharePoint Explorer alone', status(404), on],
  ])('%s are enough', async (_, veod, vesp) => {
    upstream.on('GET /v5/VEODEmailSettings', veod);
    upstream.on('GET /v5/VESPEmailSettings', vesp);
    expect(await client.emailReadiness()).toEqual({ isReady: true, missing: [] });
  });

  it.each<[string, object, string[]]>([
    ['switched off', { ...complete, enableNotification: false }, ['isEnabled']],
    ['without a server', { enableNotification: true }, ['server']],
    ['with an empty server', { ...complete, smtpServer: '' }, ['server']],
    ['with a login of nobody', { ...complete, useAuthentication: true }, ['userName']],
    ['all unset', { enableNotification: false, smtpServer: '', useAuthentication: false }, ['isEnabled', 'server']],
  ])('%s lack something', async (_, veod, settings) => {
    upstream.on('GET /v5/VEODEmailSettings', ok(veod));
    upstream.on('GET /v5/VESPEmailSettings', off);
    const { isReady, missing } = await client.emailReadiness();
    expect(isReady).toBe(false);
    expect(missing.map(({ setting }) => setting)).toEqual(settings);
    expect(missing.every(({ explorer, message }) => explorer === 'onedrive' && message.length > 0)).toBe(true);
  });

  it('are changed in both explorers, with the password where upstream wants a login', async () => {
    upstream.on('PUT /v5/VEODEmailSettings', ok({}));
    upstream.on('PUT /v5/VESPEmailSettings', ok({}));
    const settings = { server: 'smtp.contoso.com', port: 587, from: 'restore@contoso.com', usesTls: true };
    const login = { userName: 'mailer', password: new Secret('of the mailer') };
    expect(await client.changeEmailSettings({ ...settings, login })).toEqual(['onedrive', 'sharepoint']);
    expect(await client.changeEmailSettings({ ...settings, login: undefined })).toEqual(['onedrive', 'sharepoint']);
    const common = { enableNotification: true, smtpServer: 'smtp.contoso.com', port: 587, from: 'restore@contoso.com' };
    const bodies = upstream.requests('PUT /v5/VEODEmailSettings').map(({ body }) => JSON.parse(body) as unknown);
    expect(bodies).toEqual([
      { ...common, useSSL: true, useAuthentication: true, username: 'mailer', userPassword: 'of the mailer' },
      { ...common, useSSL: true, useAuthentication: false },
    ]);
  });

  it('are changed where they are, and told to be nowhere', async () => {
    upstream.on('PUT /v5/VEODEmailSettings', status(404));
    upstream.on('PUT /v5/VESPEmailSettings', ok({}));
    const settings = { server: 's', port: 25, from: 'restore@contoso.com', usesTls: false, login: undefined };
    expect(await client.changeEmailSettings(settings)).toEqual(['sharepoint']);
    upstream.on('PUT /v5/VESPEmailSettings', status(404));
    await expect(client.changeEmailSettings(settings)).rejects.toMatchObject({ code: 'upstream-rejected' });
  });
});
