import { ManualClock } from '@app/clock';
import { SessionStoppedError, UpstreamRejectedError } from '@app/problems';
import { Secret } from '@app/secrets';
import {
  CANARY,
  clientOf,
  failureOf,
  ONEDRIVE_ID,
  SESSION_ID,
  VEEAM_PASSWORD,
  wireSession,
} from './testing/client-of.js';
import {
  inTurn,
  json,
  makeCertificate,
  ok,
  type Respond,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const SESSION_PATH = `/v8/RestoreSessions/${SESSION_ID}`;
const ONEDRIVE_PATH = `${SESSION_PATH}/Organization/OneDrives/${ONEDRIVE_ID}`;
const SESSION = `GET ${SESSION_PATH}`;
const ORGANIZATION_ID = 'a602e179-a821-4544-b653-f4aa03b39817';
const refusedBy =
  (errorCode: string, code = 500): Respond =>
  (response, { body }) => {
    json(response, code, { errorCode, message: `cannot do ${body}`, stackTrace: `at Veeam.Archiver ${CANARY}` });
  };

let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  client = clientOf(upstream, { apiVersion: 'v8' });
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

const bodyOf = (what: string): unknown => JSON.parse(upstream.requests(what)[0]?.body ?? '""');

describe('a login', () => {
  it('asks for no antiforgery token, at the refresh as well', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { apiVersion: 'v8', clock });
    upstream.on('GET /v8/Organizations', ok({ results: [] }));
    await client.listOrganizations();
    await clock.advance(3_600_000);
    await client.listOrganizations();
    const forms = upstream.requests('POST /v8/token').map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
    expect(forms).toEqual([
      {
        grant_type: 'password',
        username: 'CORP\\gateway',
        password: VEEAM_PASSWORD,
        disable_antiforgery_token: 'true',
      },
      { grant_type: 'refresh_token', refresh_token: 'refresh-token-1', disable_antiforgery_token: 'true' },
    ]);
  });

  it('is ended once, with its own token, and not for want of one', async () => {
    upstream.on('GET /v8/Organizations', ok({ results: [] }));
    upstream.on('POST /v8/token/logout', status(204));
    await client.logout();
    expect(upstream.received).toEqual([]);
    await client.listOrganizations();
    await client.logout();
    await client.logout();
    const [logout, ...others] = upstream.requests('POST /v8/token/logout');
    expect(others).toEqual([]);
    expect(logout?.headers.authorization).toBe('Bearer access-token-1');
    expect(logout?.body).toBe('');
    await client.listOrganizations();
    expect(upstream.requests('POST /v8/token')).toHaveLength(2);
  });

  it('that upstream has forgotten is ended, one that it will not end is a failure', async () => {
    upstream.on('GET /v8/Organizations', ok({ results: [] }));
    upstream.on('POST /v8/token/logout', inTurn(status(401), refusedBy('ResourceAccessDenied')));
    await client.listOrganizations();
    await client.logout();
    await client.listOrganizations();
    expect(await failureOf(client.logout())).toBeInstanceOf(UpstreamRejectedError);
  });

  it('of v5 has no end to ask for', async () => {
    await client.close();
    client = clientOf(upstream);
    upstream.on('GET /v5/Organizations', ok([]));
    await client.listOrganizations();
    await client.logout();
    expect(upstream.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v5/token',
      'GET /v5/Organizations',
    ]);
  });
});

describe('the catalog', () => {
  it('has organizations page by page, with the times that only the extended view has', async () => {
    const organization = (id: string) => ({ id, name: `${id}.com`, lastBackuptime: '2026-01-15T00:00:00+01:00' });
    upstream.on(
      'GET /v8/Organizations',
      inTurn(
        ok({ offset: 0, limit: 250, results: [organization('1')], _links: { next: { href: '/v8/Organizations?x' } } }),
        ok({ offset: 1, limit: 250, results: [organization('2')], _links: {} }),
      ),
    );
    const organizations = await client.listOrganizations();
    expect(organizations.map(({ id, lastBackupAt }) => [id, lastBackupAt])).toEqual([
      ['1', '2026-01-14T23:00:00.000Z'],
      ['2', '2026-01-14T23:00:00.000Z'],
    ]);
    expect(upstream.requests('GET /v8/Organizations').map(({ url }) => url.split('?')[1])).toEqual([
      'extendedView=true&offset=0&limit=250',
      'extendedView=true&offset=1&limit=250',
    ]);
  });

  it('finds users by userName, compares the name itself and takes msid', async () => {
    const path = `GET /v8/Organizations/${ORGANIZATION_ID}/Users`;
    const results = [
      { id: '1', name: 'Alice@contoso.com', msid: '7D6C5441-6C14-411A-9147-53F31A16D225' },
      { id: '2', name: 'malice@contoso.com', msid: '8D6C5441-6C14-411A-9147-53F31A16D225' },
      { id: '3' },
    ];
    upstream.on(path, ok({ offset: 0, limit: 250, results }));
    const users = await client.users.find(ORGANIZATION_ID, 'alice@contoso.com');
    expect(users).toEqual([
      {
        id: '1',
        name: 'Alice@contoso.com',
        displayName: 'Alice@contoso.com',
        objectId: '7d6c5441-6c14-411a-9147-53f31a16d225',
      },
    ]);
    expect(upstream.requests(path)[0]?.url).toContain('?userName=alice%40contoso.com&offset=0&limit=250');
  });
});

describe('a restore session', () => {
  it('is opened with the end of a millisecond in UTC and Pascal-case names', async () => {
    const path = `POST /v8/Organizations/${ORGANIZATION_ID}/explore`;
    upstream.on(path, (response) => {
      json(response, 201, wireSession());
    });
    const pointInTime = '2026-01-10T12:00:00+02:00';
    const session = await client.openRestoreSession(ORGANIZATION_ID, {
      pointInTime,
      showDeleted: true,
      showAllVersions: false,
    });
    expect(session).toMatchObject({ id: SESSION_ID, state: 'running', result: undefined });
    expect(bodyOf(path)).toEqual({
      dateTime: '2026-01-10T10:00:00.0009999Z',
      type: 'Veod',
      showDeleted: true,
      showAllVersions: false,
    });
  });

  it('has a result only once it has stopped, though upstream always sends one', async () => {
    upstream.on(SESSION, inTurn(ok(wireSession('Working')), ok({ ...wireSession('Stopped'), result: 'Warning' })));
    expect((await client.getRestoreSession(SESSION_ID))?.result).toBeUndefined();
    expect((await client.getRestoreSession(SESSION_ID))?.result).toBe('warning');
  });

  it('is stopped without a body, and it is looked whether it did', async () => {
    upstream.on(`POST ${SESSION_PATH}/Stop`, status(204));
    upstream.on(SESSION, inTurn(ok(wireSession('Working')), ok(wireSession('Stopped'))));
    expect(await client.stopRestoreSession(SESSION_ID)).toBe('stopped');
    const [stop] = upstream.requests(`POST ${SESSION_PATH}/Stop`);
    expect(stop?.body).toBe('');
    expect(stop?.headers['content-type']).toBeUndefined();
  });

  it.each(['ResourceNotFound', 'OperationConflict', 'ParameterValidationFailure'])(
    'is gone below %s when the session says so',
    async (errorCode) => {
      upstream.on(`GET ${ONEDRIVE_PATH}`, refusedBy(errorCode));
      upstream.on(SESSION, ok(wireSession('Stopped')));
      expect(await failureOf(client.getOneDrive(SESSION_ID, ONEDRIVE_ID))).toBeInstanceOf(SessionStoppedError);
    },
  );

  it('is not even looked at when the code tells that it is something else', async () => {
    upstream.on(`GET ${ONEDRIVE_PATH}`, refusedBy('ResourceAccessDenied'));
    expect(await failureOf(client.getOneDrive(SESSION_ID, ONEDRIVE_ID))).toBeInstanceOf(UpstreamRejectedError);
    expect(upstream.requests(SESSION)).toEqual([]);
  });

  it.each(['ResourceNotFound', 'ParameterValidationFailure'])('has no such OneDrive by %s', async (errorCode) => {
    upstream.on(`GET ${ONEDRIVE_PATH}`, refusedBy(errorCode));
    upstream.on(SESSION, ok(wireSession()));
    expect(await client.getOneDrive(SESSION_ID, ONEDRIVE_ID)).toBeUndefined();
  });
});

describe('a device code', () => {
  it('can be asked about, and stays a secret', async () => {
    upstream.on('POST /v8/DeviceCode/check', inTurn(ok({ authenticated: false }), ok({ authenticated: true })));
    const code = new Secret(`C6A9-${CANARY}`);
    expect(await client.checkDeviceCode(code)).toEqual({ isConfirmed: false });
    expect(await client.checkDeviceCode(code)).toEqual({ isConfirmed: true });
    expect(bodyOf('POST /v8/DeviceCode/check')).toEqual({ userCode: `C6A9-${CANARY}` });
    upstream.on('POST /v8/DeviceCode/check', refusedBy('ParameterValidationFailure', 400));
    expect(await failureOf(client.checkDeviceCode(code))).toBeInstanceOf(UpstreamRejectedError);
  });

  it('cannot be asked about on v5', async () => {
    await client.close();
    client = clientOf(upstream);
    const error = await failureOf(client.checkDeviceCode(new Secret('C')));
    expect(error.message).toBe('API version v5 of the backup server cannot tell whether a device code was confirmed.');
  });
});
