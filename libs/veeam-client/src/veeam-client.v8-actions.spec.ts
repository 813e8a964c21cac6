import { ManualClock } from '@app/clock';
import {
  EmailNotSetUpError,
  NotSupportedByUpstreamError,
  OperationConflictError,
  UpstreamRejectedError,
  UpstreamUnavailableError,
} from '@app/problems';
import { Secret } from '@app/secrets';
import { buffer } from 'node:stream/consumers';
import { ActionAnswerUnknownError } from './errors.js';
import type { CopyOptions, RestoreCredentials } from './model.js';
import { CANARY, clientOf, failureOf, ITEM, ONEDRIVE_ID, SESSION_ID, wireSession } from './testing/client-of.js';
import {
  json,
  makeCertificate,
  neverAnswer,
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
const FOLLOWED_ID = 'b0b0b0b0-7278-4d26-86f7-888bda5a4ec4';
const APPLICATION_ID = '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b001';

const user: RestoreCredentials = { kind: 'user', userName: 'admin@contoso.com', password: new Secret(`u-${CANARY}`) };
const application: RestoreCredentials = {
  kind: 'application',
  applicationId: APPLICATION_ID,
  certificate: new Secret(`MII-${CANARY}`),
  certificatePassword: new Secret(`pfx-${CANARY}`),
};
const deviceCode: RestoreCredentials = { kind: 'device-code', userCode: new Secret(`C6A9-${CANARY}`) };
const restoreOptions = { documentVersion: 'last', documentAction: 'keep' } as const;
const copyOptions: CopyOptions = {
  target: { id: 'target-1', name: 'Bob', url: 'https://contoso-my.sharepoint.com/personal/bob' },
  folder: 'from backup',
  documentVersion: 'all',
  documentLastVersionAction: 'merge',
  changedItems: true,
  deletedItems: false,
  restorePermissions: false,
  sendSharedLinksNotification: false,
};
const mail = { from: 'alice@contoso.com', to: 'bob@contoso.com', subject: 'Files', text: 'Here they are' };
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

describe('restore', () => {
  const RESTORE = `POST ${ONEDRIVE_PATH}/restore`;
  const restore = (documentVersion: 'last' | 'all' = 'last') =>
    client.restore(SESSION_ID, ITEM, { ...restoreOptions, documentVersion }, user);

  it.each([
    [user, { userName: 'admin@contoso.com', userPassword: `u-${CANARY}` }],
    [
      application,
      {
        applicationId: APPLICATION_ID,
        applicationCertificate: `MII-${CANARY}`,
        applicationCertificatePassword: `pfx-${CANARY}`,
      },
    ],
    [deviceCode, { userCode: `C6A9-${CANARY}` }],
  ])('with $kind has exactly these members and answers with a session to follow', async (credentials, fields) => {
    upstream.on(RESTORE, ok({ sessionId: FOLLOWED_ID }));
    expect(await client.restore(SESSION_ID, ITEM, restoreOptions, credentials)).toEqual({
      kind: 'following',
      upstreamSessionId: FOLLOWED_ID,
    });
    expect(bodyOf(RESTORE)).toEqual({ ...fields, documentAction: 'Keep' });
  });

  it('of all versions is told to be impossible before anything is sent', async () => {
    const error = await failureOf(restore('all'));
    expect(error).toBeInstanceOf(NotSupportedByUpstreamError);
    expect(error.message).toBe('API version v8 of the backup server cannot restore all versions.');
    expect(upstream.received).toEqual([]);
  });

  it.each(['', '{}', '{"sessionId":""}', '{"totalItemsCount":1}'])(
    'whose answer names no session (%s) may have been done',
    async (body) => {
      upstream.on(RESTORE, status(200, body));
      expect(await failureOf(restore())).toBeInstanceOf(ActionAnswerUnknownError);
    },
  );

  it('that upstream timed out on may have been done, and is not sent again', async () => {
    upstream.on(RESTORE, refusedBy('Timeout'));
    const error = await failureOf(restore());
    expect(error).toBeInstanceOf(ActionAnswerUnknownError);
    expect(error.code).toBe('upstream-timeout');
    expect(upstream.requests(RESTORE)).toHaveLength(1);
  });

  it.each([
    ['OperationConflict', OperationConflictError],
    ['ProxyOffline', UpstreamUnavailableError],
    ['ResourceAccessDenied', UpstreamRejectedError],
  ])('that is refused with %s was not done', async (errorCode, expected) => {
    upstream.on(RESTORE, refusedBy(errorCode));
    upstream.on(SESSION, ok(wireSession()));
    expect(await failureOf(restore())).toBeInstanceOf(expected);
    expect(upstream.requests(RESTORE)).toHaveLength(1);
  });

  it('is not waited for as long as one that blocks', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { apiVersion: 'v8', clock });
    const arrived = new Promise<void>((resolve) => {
      upstream.on(RESTORE, (...args) => {
        neverAnswer(...args);
        resolve();
      });
    });
    const failure = failureOf(restore());
    await arrived;
    await clock.advance(300_000);
    expect(await failure).toBeInstanceOf(ActionAnswerUnknownError);
  });
});

describe('the other actions', () => {
  it.each([user, application, deviceCode])('copy with $kind has the spelling of the document', async (credentials) => {
    const COPY = `POST ${ONEDRIVE_PATH}/copyTo`;
    upstream.on(COPY, ok({ sessionId: FOLLOWED_ID }));
    const result = await client.copy(SESSION_ID, ITEM, copyOptions, credentials);
    expect(result).toEqual({ kind: 'following', upstreamSessionId: FOLLOWED_ID });
    const { target, ...options } = copyOptions;
    expect(bodyOf(COPY)).toMatchObject({
      ...options,
      onedrive: target,
      documentVersion: 'All',
      documentLastVersionAction: 'Merge',
    });
  });

  it('send is done at its 204', async () => {
    upstream.on(`POST ${ONEDRIVE_PATH}/send`, status(204));
    expect(await client.send(SESSION_ID, ITEM, mail)).toEqual({ kind: 'finished', outcome: undefined });
    expect(bodyOf(`POST ${ONEDRIVE_PATH}/send`)).toEqual(mail);
  });

  it.each(['OperationConflict', 'HttpError'])(
    'send refused with %s by a server without e-mail says why',
    async (code) => {
      upstream.on(`POST ${ONEDRIVE_PATH}/send`, refusedBy(code));
      upstream.on(SESSION, ok(wireSession()));
      upstream.on('GET /v8/VeodEmailSettings', ok({ enableNotification: false }));
      upstream.on('GET /v8/VespEmailSettings', ok({ enableNotification: true }));
      expect(await failureOf(client.send(SESSION_ID, ITEM, mail))).toBeInstanceOf(EmailNotSetUpError);
      expect(upstream.requests('GET /v8/VespEmailSettings')).toEqual([]);
    },
  );

  it('save has no body at all', async () => {
    const SAVE = `POST ${ONEDRIVE_PATH}/save`;
    upstream.on(SAVE, (response) => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('PK'));
    const { body } = await client.save(SESSION_ID, ITEM, { asZip: true }, new AbortController().signal);
    expect((await buffer(body)).toString()).toBe('PK');
    const [request] = upstream.requests(SAVE);
    expect(request?.body).toBe('');
    expect(request?.headers).toMatchObject({ 'content-length': '0', accept: 'application/octet-stream' });
    expect(request?.headers['content-type']).toBeUndefined();
  });
});
