import { ManualClock } from '@app/clock';
import {
  EmailNotSetUpError,
  NotSupportedByUpstreamError,
  UpstreamLoginFailedError,
  UpstreamRejectedError,
} from '@app/problems';
import { Secret } from '@app/secrets';
import { connect } from 'node:net';
import { once } from 'node:events';
import { ActionAnswerUnknownError, ActionNotSentError } from './errors.js';
import type { ActionResult, CopyOptions, RestoreCredentials } from './model.js';
import {
  CANARY,
  clientOf,
  failureOf,
  ITEM,
  ONEDRIVE_PATH,
  SESSION_ID,
  SESSION_PATH,
  wireSession,
} from './testing/client-of.js';
import {
  hangUp,
  inTurn,
  json,
  makeCertificate,
  neverAnswer,
  ok,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const ACTION = `POST ${ONEDRIVE_PATH}/Action`;
const user: RestoreCredentials = {
  kind: 'user',
  userName: 'admin@contoso.com',
  password: new Secret(`user-${CANARY}`),
};
const application: RestoreCredentials = {
  kind: 'application',
  applicationId: 'app-1',
  certificate: new Secret(`MII-${CANARY}`),
  certificatePassword: new Secret(`pfx-${CANARY}`),
};
const deviceCode: RestoreCredentials = { kind: 'device-code', userCode: new Secret(`C6A9-${CANARY}`) };
const restoreOptions = { documentVersion: 'last', documentAction: 'keep' } as const;
const copyOptions: CopyOptions = {
  target: { id: 'target-1', name: 'Bob', url: 'https://contoso-my.sharepoint.com/personal/bob' },
  folder: undefined,
  documentVersion: 'last',
  documentLastVersionAction: 'merge',
  changedItems: false,
  deletedItems: false,
  restorePermissions: false,
  sendSharedLinksNotification: false,
};
const mail = { from: 'alice@contoso.com', to: 'bob@contoso.com', subject: 'Files', text: 'Here they are' };
const statistics = {
  totalItemsCount: 6,
  restoredItemsCount: 3,
  failedItemsCount: 1,
  skippedItemsByErrorCount: 0,
  skippedItemsByNoChangesCount: 2,
  restoreIssues: [{ id: '1', path: '/a', title: 'a.txt', type: 'Item', warnings: ['slow'], error: 'locked' }],
};

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

const bodies = () => upstream.requests(ACTION).map(({ body }): unknown => JSON.parse(body));

describe('on the wire', () => {
  it.each([
    ['user and password', user, { userName: 'admin@contoso.com', userPassword: `user-${CANARY}` }],
    [
      'an application',
      application,
      {
        applicationId: 'app-1',
        applicationCertificate: `MII-${CANARY}`,
        applicationCertificatePassword: `pfx-${CANARY}`,
      },
    ],
    ['a device code', deviceCode, { userCode: `C6A9-${CANARY}` }],
  ])('restore with %s has exactly these properties', async (_, credentials, fields) => {
    upstream.on(ACTION, status(200));
    await client.restore(SESSION_ID, ITEM, restoreOptions, credentials);
    expect(bodies()).toEqual([
      { restoreToOriginalLocation: { ...fields, documentVersion: 'last', documentAction: 'keep' } },
    ]);
  });

  it('copy has the target as the gateway knows it, and no folder where none was named', async () => {
    upstream.on(ACTION, status(200));
    await client.copy(SESSION_ID, ITEM, copyOptions, user);
    const { folder, target, ...options } = copyOptions;
    expect(folder).toBeUndefined();
    const login = { userName: 'admin@contoso.com', userPassword: `user-${CANARY}` };
    expect(bodies()).toEqual([{ copyTo: { ...login, oneDrive: target, ...options } }]);
  });

  it('send has the four members of a mail', async () => {
    upstream.on(ACTION, status(204));
    expect(await client.send(SESSION_ID, ITEM, mail)).toEqual({ kind: 'finished', outcome: undefined });
    expect(bodies()).toEqual([{ sendTo: mail }]);
  });

  it('every action has a connection of its own', async () => {
    upstream.on(ACTION, status(200));
    await client.checkHealth().catch(() => undefined);
    const before = upstream.connections;
    await client.send(SESSION_ID, ITEM, mail);
    await client.send(SESSION_ID, ITEM, mail);
    expect(upstream.connections - before).toBe(2);
  });
});

describe('the answer', () => {
  it('with statistics is an outcome, with an issue for the error and one for each warning', async () => {
    upstream.on(ACTION, ok(statistics));
    expect(await client.restore(SESSION_ID, ITEM, restoreOptions, user)).toEqual({
      kind: 'finished',
      outcome: {
        total: 6,
        restored: 3,
        failed: 1,
        skipped: 2,
        skippedByError: 0,
        skippedByNoChanges: 2,
        failedRestrictions: undefined,
        results: [{ itemId: '1', state: 'failed' }],
        issues: [
          { path: '/a', title: 'a.txt', severity: 'error', message: 'locked' },
          { path: '/a', title: 'a.txt', severity: 'warning', message: 'slow' },
        ],
      },
    });
  });

  it.each(['', ' ', 'null'])('that is empty (%j) leaves the counts unknown', async (body) => {
    upstream.on(ACTION, status(200, body));
    expect(await client.restore(SESSION_ID, ITEM, restoreOptions, user)).toEqual({
      kind: 'finished',
      outcome: undefined,
    });
  });
});

const actions: [string, () => Promise<ActionResult>][] = [
  ['restore', () => client.restore(SESSION_ID, ITEM, restoreOptions, application)],
  ['copy', () => client.copy(SESSION_ID, ITEM, copyOptions, user)],
  ['send', () => client.send(SESSION_ID, ITEM, mail)],
];

describe.each(actions)('%s', (_, act) => {
  it('was not sent when the login is refused', async () => {
    upstream.on('POST /v5/token', status(400));
    const error = await failureOf(act());
    expect(error).toBeInstanceOf(ActionNotSentError);
    expect(error.code).toBe('upstream-login-failed');
    expect(upstream.requests(ACTION)).toHaveLength(0);
  });

  it('was not sent when no connection was made', async () => {
    upstream.on('GET /v5/Organizations', ok([]));
    await client.listOrganizations();
    await upstream.close();
    const error = await failureOf(act());
    expect(error).toBeInstanceOf(ActionNotSentError);
    expect(error.code).toBe('upstream-unavailable');
    upstream = await ScriptedUpstream.start(certificate);
  });

  it('was refused when upstream says so, and is not sent again', async () => {
    upstream.on(ACTION, (response, { body }) => {
      json(response, 500, { message: `cannot do ${body}`, stackTrace: 'at' });
    });
    upstream.on(`GET ${SESSION_PATH}`, ok(wireSession()));
    upstream.on('GET /v5/VEODEmailSettings', ok({ enableNotification: true, smtpServer: 'smtp.contoso.com' }));
    upstream.on('GET /v5/VESPEmailSettings', ok({ enableNotification: false }));
    expect(await failureOf(act())).toBeInstanceOf(UpstreamRejectedError);
    expect(upstream.requests(ACTION)).toHaveLength(1);
  });

  it('is sent once more after a 401, and refused after two', async () => {
    upstream.on(ACTION, inTurn(status(401), status(200)));
    expect(await act()).toMatchObject({ kind: 'finished' });
    upstream.on(ACTION, status(401));
    expect(await failureOf(act())).toBeInstanceOf(UpstreamLoginFailedError);
    expect(upstream.requests(ACTION)).toHaveLength(4);
  });

  it.each([
    ['the connection breaks', hangUp, 'upstream-broken'],
    ['a proxy lost upstream', status(502), 'upstream-broken'],
    ['a proxy gave up waiting', status(504), 'upstream-timeout'],
    [
      'the answer is cut',
      (response) => response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
      'upstream-broken',
    ],
  ])('may have been done when %s, and is not sent again', async (_why, failure, code) => {
    upstream.on(ACTION, failure);
    const error = await failureOf(act());
    expect(error).toBeInstanceOf(ActionAnswerUnknownError);
    expect(error.code).toBe(code);
    expect(upstream.requests(ACTION)).toHaveLength(1);
  });

  it('may have been done when no answer comes for a day', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    const arrived = new Promise<void>((resolve) => {
      upstream.on(ACTION, (...args) => {
        neverAnswer(...args);
        resolve();
      });
    });
    const failure = failureOf(act());
    await arrived;
    await clock.advance(24 * 3_600_000);
    const error = await failure;
    expect(error).toBeInstanceOf(ActionAnswerUnknownError);
    expect(error.code).toBe('upstream-timeout');
  });

  it('may have been done when the client is closed meanwhile', async () => {
    const arrived = new Promise<void>((resolve) => {
      upstream.on(ACTION, () => {
        resolve();
      });
    });
    const failure = failureOf(act());
    await arrived;
    await client.close();
    expect(await failure).toBeInstanceOf(ActionAnswerUnknownError);
  });
});

it.each(['<html>', '[]', '{"totalItemsCount":-1}'])(
  'a restore whose 200 cannot be read (%s) was done',
  async (body) => {
    upstream.on(ACTION, status(200, body));
    expect(await failureOf(client.restore(SESSION_ID, ITEM, restoreOptions, user))).toBeInstanceOf(
      ActionAnswerUnknownError,
    );
  },
);

it('a mail refused by a server without e-mail settings says why', async () => {
  upstream.on(ACTION, status(500));
  upstream.on(`GET ${SESSION_PATH}`, ok(wireSession()));
  upstream.on('GET /v5/VEODEmailSettings', ok({ enableNotification: false }));
  upstream.on('GET /v5/VESPEmailSettings', ok({ enableNotification: false }));
  expect(await failureOf(client.send(SESSION_ID, ITEM, mail))).toBeInstanceOf(EmailNotSetUpError);
});

it.each([application, deviceCode])(
  'v5 cannot copy with $kind, which is told before anything is sent',
  async (credentials) => {
    const error = await failureOf(client.copy(SESSION_ID, ITEM, copyOptions, credentials));
    expect(error).toBeInstanceOf(NotSupportedByUpstreamError);
    expect(error.message).toMatch(/^API version v5 of the backup server cannot copy with an? /);
    expect(upstream.received).toEqual([]);
    expect((await client.capabilities()).copyCredentials).toEqual(['user']);
  },
);

it('a server that accepts connections and never shakes hands is not waited for', async () => {
  const { createServer } = await import('node:net');
  const silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const clock = new ManualClock();
  const connecting = once(silent, 'connection') as Promise<[ReturnType<typeof connect>]>;
  const waiting = clientOf({ url: `https://127.0.0.1:${port}`, certificate }, { clock });
  const failure = failureOf(waiting.send(SESSION_ID, ITEM, mail));
  const [socket] = await connecting;
  await clock.advance(10_000);
  const error = await failure;
  expect(error).toBeInstanceOf(ActionNotSentError);
  expect(error.cause).toMatchObject({ message: 'connect timed out' });
  socket.destroy();
  silent.close();
});
