import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Fault } from '../apps/veeam-sandbox/src/control/faults.js';
import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { type Answer, Caller, expectProblem } from './support/caller.js';
import { requests } from './support/upstream.js';
import { startGateway, startWorld, type World } from './support/world.js';

type Code = Parameters<typeof expectProblem>[1];

/** What earlier gateways of this kind got wrong. */
describe('a gateway like this once', () => {
  let world: World;
  let oscar: Caller;
  let sid: string;
  let oid: string;
  let target: string;

  beforeAll(async () => {
    world = await startWorld();
    oscar = await Caller.named('oscar', world);
    sid = await oscar.openSession();
    [oid = '', target = ''] = await oscar.oneDrives(sid);
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.veeam.control.clearReceived();
  });
  afterEach(() => {
    world.veeam.control.clearFaults();
  });

  const oneDrive = () => `/api/v1/restore-sessions/${sid}/onedrives/${oid}`;
  const v5Action = () => `/v5/RestoreSessions/${sid}/Organization/OneDrives/${oid}/Action`;
  const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
  const wait = { prefer: 'wait=10' };

  it('handed the token of the backup server to its callers; this one shows nothing of its own login', async () => {
    const said: string[] = [];
    const record = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const response = await oscar.fetch(method, path, body === undefined ? undefined : JSON.stringify(body), headers);
      const bytes = Buffer.from(await response.arrayBuffer());
      said.push([...response.headers].flat().join('\n'), bytes.toString('latin1'));
      return response.status;
    };
    // A login of its own first, so that whatever it brings could leak into what follows.
    world.veeam.control.expireAccessTokens();
    const session = `/api/v1/restore-sessions/${sid}`;
    const v5 = `/v5/RestoreSessions/${sid}`;
    const run: [status: number, method: string, path: string, body?: unknown, headers?: Record<string, string>][] = [
      [200, 'GET', '/health/ready'],
      [200, 'GET', '/api/v1/organizations'],
      [201, 'POST', '/api/v1/restore-sessions', { organizationId: contoso.id }],
      [200, 'GET', '/api/v1/restore-sessions'],
      [200, 'GET', session],
      [200, 'GET', `${session}/onedrives`],
      [200, 'GET', oneDrive()],
      [201, 'POST', `${session}/device-codes`],
      [200, 'POST', `${oneDrive()}/restore`, {}, wait],
      [200, 'POST', `${oneDrive()}/copy`, { target: { oneDriveId: target } }, wait],
      [200, 'POST', `${oneDrive()}/send`, mail, wait],
      [200, 'POST', `${oneDrive()}/save`, {}],
      [404, 'GET', `${session}/onedrives/made-up`],
      [200, 'GET', '/api/v1/operations'],
      [200, 'GET', '/v5/Organizations'],
      [201, 'POST', `/v5/Organizations/${contoso.id}/Action`, { explore: {} }],
      [200, 'GET', v5],
      [200, 'GET', `${v5}/Organization/OneDrives`],
      [200, 'GET', `${v5}/Organization/OneDrives/${oid}`],
      [200, 'POST', `${v5}/organization/restoreDeviceCode`],
      [200, 'POST', v5Action(), { restoreToOriginalLocation: {} }],
      [200, 'POST', v5Action(), { copyTo: { oneDrive: { id: target } } }],
      [200, 'POST', v5Action(), { sendTo: mail }],
      [200, 'POST', v5Action(), { save: null }],
      [400, 'POST', v5Action(), { save: null, sendTo: mail }],
    ];
    for (const [status, ...request] of run)
      expect([request[1], await record(...request)]).toEqual([request[1], status]);
    const { veeam } = world;
    const tokenDigests = new Set(
      veeam.control.received().map(({ headers }) => /sha256:(\w+)/.exec(headers.authorization ?? '')?.[1] ?? ''),
    );
    tokenDigests.delete('');
    expect(tokenDigests.size).toBeGreaterThan(0);
    const everything = [...said, ...world.gateway.log()].join('\n');
    const words = new Set(everything.match(/[A-Za-z0-9+/=_.~-]{16,}/g));
    const leaked = [...words].filter(
      (word) => tokenDigests.has(digest(word)) || tokenDigests.has(digest(decoded(word))),
    );
    expect(leaked).toEqual([]);
    for (const secret of [veeam.password, veeam.restorePassword, veeam.certificatePassword]) {
      expect(everything).not.toContain(secret);
    }
    for (const { id } of veeam.control.sessions()) expect(said.join('\n')).not.toContain(id);
    expect(said.join('\n')).not.toContain(new URL(veeam.url).host);
  });

  it.each([
    ['restore', {}, () => ({ restoreToOriginalLocation: {} })],
    ['copy', () => ({ target: { oneDriveId: target } }), () => ({ copyTo: { oneDrive: { id: target } } })],
  ])(
    'added the credentials to one action and forgot the other; this one adds them to %s',
    async (action, body, v5Body) => {
      const simple = typeof body === 'function' ? body() : body;
      expect(await oscar.post(`${oneDrive()}/${action}`, simple, wait)).toMatchObject({
        status: 200,
        body: { state: 'succeeded' },
      });
      expect(await oscar.post(v5Action(), v5Body())).toMatchObject({ status: 200 });
      const { restoreUserName, restorePassword } = world.veeam;
      expect(world.veeam.control.actions().map((accepted) => [accepted.action, accepted.credentials])).toEqual(
        Array.from({ length: 2 }, () => [
          action,
          expect.objectContaining({ userName: restoreUserName, userPassword: restorePassword }),
        ]),
      );
    },
  );

  it('used the credentials of one organization for all; this one restores in each with its own', async () => {
    for (const [name, organization] of [
      ['alice', contoso],
      ['fred', fabrikam],
    ] as const) {
      const caller = await Caller.named(name, world);
      const session = await caller.openSession(organization.name);
      const [own] = await caller.oneDrives(session);
      const restored = await caller.post(`/api/v1/restore-sessions/${session}/onedrives/${own}/restore`, {}, wait);
      expect(restored).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    }
    const { restoreUserName, restorePassword, applicationId } = world.veeam;
    const [forContoso, forFabrikam, ...more] = world.veeam.control.actions().map(({ credentials }) => credentials);
    expect(more).toEqual([]);
    expect(forContoso).toEqual({ kind: 'user', userName: restoreUserName, userPassword: restorePassword });
    expect(forFabrikam).toMatchObject({ kind: 'application', applicationId });
    expect(JSON.stringify(forFabrikam)).not.toContain(restorePassword);
  });

  describe('broke on ids', () => {
    const hanna = makeOrganizations(new Date(), { oneDrives: 0 })[0]?.users.find(({ login }) =>
      login.startsWith('hanna'),
    );

    it('with base64 in them; this one finds the user whose id ends in a SID', async () => {
      const id = hanna?.id ?? '';
      expect(id).toMatch(/\/.*\+|\+.*\//);
      expect(id).toMatch(/==$/);
      const token = await world.sso.token('alice', {
        sub: 'hanna',
        oid: hanna?.objectId,
        email: hanna?.login,
        preferred_username: hanna?.login,
      });
      const caller = new Caller(world.gateway.url, token);
      expect(await caller.oneDrives(await caller.openSession())).toHaveLength(2);
      const lookUps = world.veeam.control.received().filter(({ route }) => route?.endsWith('{userId}/OneDrives'));
      expect(lookUps.length).toBeGreaterThan(0);
      for (const { path, status } of lookUps) {
        expect(status).toBe(200);
        expect(path).toContain(`/Users/${encodeURIComponent(id)}/OneDrives?`);
      }
    });

    it.each(['a%2Fb%2Bc%3D%3D', 'a+b', '%2F', '%2F%2F', 'a%2FAction', 'null', '-', '%2B'])(
      'of OneDrives that lead elsewhere; this one asks for %s within its session',
      async (id) => {
        expectProblem(await oscar.get(`/api/v1/restore-sessions/${sid}/onedrives/${id}`), 'not-found');
        const [upstream = ''] = requests(world.veeam.control).filter((request) => request.includes('/OneDrives/'));
        expect(upstream).toMatch(/^GET \/v5\/RestoreSessions\/[0-9a-f-]{36}\/Organization\/OneDrives\/[^/?]+$/);
        const written = upstream.slice(upstream.lastIndexOf('/') + 1);
        expect(decodeURIComponent(written)).toBe(decodeURIComponent(id));
        expect(written).toBe(encodeURIComponent(decodeURIComponent(id)));
      },
    );
  });

  describe('took an error of the backup server for its own', () => {
    const stackTrace = '   at Veeam.Archiver.Secret.Explode()';
    const message = 'UPSTREAM-WORDS about C:\\Backup\\alice';
    const html = '<html><body>UPSTREAM-WORDS<script>alert(1)</script></body></html>';
    const body = { message, stackTrace };

    const refusals: [name: string, fault: Fault, code: Code][] = [
      ['500 with words', { kind: 'answer', status: 500, body }, 'upstream-rejected'],
      ['500 without a body', { kind: 'answer', status: 500 }, 'upstream-rejected'],
      [
        'an offline proxy',
        { kind: 'answer', status: 500, body: { ...body, errorCode: 'ProxyOffline' } },
        'upstream-rejected',
      ],
      ['400', { kind: 'answer', status: 400, body }, 'upstream-rejected'],
      ['403', { kind: 'answer', status: 403, body }, 'upstream-rejected'],
      ['404', { kind: 'answer', status: 404, body }, 'upstream-rejected'],
      ['409', { kind: 'answer', status: 409, body }, 'upstream-rejected'],
      ['418', { kind: 'answer', status: 418, body }, 'upstream-rejected'],
      ['401 for good', { kind: 'answer', status: 401, body }, 'upstream-login-failed'],
      ['429', { kind: 'answer', status: 429, body }, 'upstream-unavailable'],
      ['503 with a page', { kind: 'answer', status: 503, body: html }, 'upstream-unavailable'],
      ['502 with a page', { kind: 'answer', status: 502, body: html }, 'upstream-broken'],
      ['504', { kind: 'answer', status: 504, body: html }, 'upstream-timeout'],
      [
        'a redirect',
        { kind: 'answer', status: 302, body, headers: { location: 'http://evil.example/' } },
        'upstream-broken',
      ],
    ];
    const unreadable: typeof refusals = [
      ['200 with a page', { kind: 'answer', status: 200, body: html }, 'upstream-broken'],
      ['a closed connection', { kind: 'close' }, 'upstream-broken'],
    ];

    const everyTime = { times: 1_000 };

    function expectNothingOfUpstream(answer: Answer): void {
      const text = JSON.stringify([[...answer.headers], answer.body]);
      expect(text).not.toMatch(/UPSTREAM-WORDS|Veeam\.Archiver|stackTrace|evil\.example|alert\(1\)|ProxyOffline/);
      expect([401, 500]).not.toContain(answer.status);
      expect(answer.headers.get('www-authenticate')).toBeNull();
      expect(answer.headers.get('location')).toBeNull();
      expect(world.gateway.log().join('\n')).not.toContain('Veeam.Archiver');
    }

    const reads: [path: () => string, route: string][] = [
      [() => '/api/v1/organizations', 'Organizations'],
      [() => '/v5/Organizations', 'Organizations'],
      [() => `/api/v1/restore-sessions/${sid}/onedrives`, 'Organization/OneDrives'],
      [oneDrive, 'OneDrives/{oneDriveId}'],
    ];

    it.each([...refusals, ...unreadable])('on a read: %s', async (_name, fault, code) => {
      for (const [path, route] of reads) {
        world.veeam.control.addFault({ match: { method: 'GET', route }, fault, ...everyTime });
        const answer = await oscar.get(path());
        // Version 5 says 400 where it does not know an id.
        const isUnknown = path === oneDrive && fault.kind === 'answer' && [400, 404].includes(fault.status);
        expectProblem(answer, isUnknown ? 'not-found' : code);
        expectNothingOfUpstream(answer);
        world.veeam.control.clearFaults();
      }
    });

    it.each(refusals)('on an action: %s', async (_name, fault, code) => {
      world.veeam.control.addFault({ match: { method: 'POST', route: 'OneDrives' }, fault, ...everyTime });
      const started = await oscar.post(`${oneDrive()}/restore`, {}, wait);
      expect(started).toMatchObject({ status: 200, body: { problem: { code } } });
      expect(['failed', 'interrupted']).toContain(started.body.state);
      expectNothingOfUpstream(started);
      const answers = [
        await oscar.post(v5Action(), { restoreToOriginalLocation: {} }),
        await oscar.post(v5Action(), { copyTo: { oneDrive: { id: target } } }),
        await oscar.post(v5Action(), { sendTo: mail }),
        await oscar.post(v5Action(), { save: null }),
        await oscar.post(`${oneDrive()}/save`, {}),
      ];
      for (const answer of answers) {
        expectProblem(answer, code);
        expectNothingOfUpstream(answer);
      }
    });

    it.each(refusals)('on opening a session: %s', async (_name, fault, code) => {
      world.veeam.control.addFault({ match: { action: 'explore' }, fault, ...everyTime });
      const answers = [
        await oscar.post('/api/v1/restore-sessions', { organizationId: contoso.id }),
        await oscar.post(`/v5/Organizations/${contoso.id}/Action`, { explore: {} }),
      ];
      for (const answer of answers) {
        expectProblem(answer, code);
        expectNothingOfUpstream(answer);
      }
    });

    it.each<[string, Fault, Code]>([
      ['fails', { kind: 'answer', status: 500, body }, 'upstream-unavailable'],
      [
        'is refused',
        { kind: 'answer', status: 400, body: { error: 'invalid_grant', error_description: message } },
        'upstream-login-failed',
      ],
      ['is unauthorized', { kind: 'answer', status: 401, body }, 'upstream-login-failed'],
      ['gives no token', { kind: 'answer', status: 200, body: { access_token: 7 } }, 'upstream-broken'],
    ])('on a login that %s', async (_case, fault, code) => {
      world.veeam.control.addFault({ match: { route: 'token' }, fault, ...everyTime });
      // One that has no token yet, and remembers no refusal afterwards.
      const gateway = await startGateway(world);
      try {
        const answer = await new Caller(gateway.url, oscar.token).get('/api/v1/organizations');
        expectProblem(answer, code);
        expectNothingOfUpstream(answer);
      } finally {
        await gateway.close();
      }
    });

    it('and lost the words of the backup server; this one keeps them in its log', async () => {
      const fault: Fault = { kind: 'answer', status: 500, body };
      const logged = (from: number) =>
        world.gateway
          .log()
          .slice(from)
          .filter((line) => line.includes('UPSTREAM-WORDS'))
          .join('\n');

      world.veeam.control.addFault({ match: { method: 'GET', route: 'Organizations' }, fault });
      const beforeRead = world.gateway.log().length;
      const read = await oscar.get('/api/v1/organizations');
      expect(logged(beforeRead)).toContain(read.body.requestId as string);

      world.veeam.control.addFault({ match: { action: 'restore' }, fault });
      const beforeRestore = world.gateway.log().length;
      const restore = await oscar.post(`${oneDrive()}/restore`, {}, wait);
      expect(logged(beforeRestore)).toContain(restore.body.id as string);
    });
  });
});

describe('a gateway like this once kept downloads in files', () => {
  let folder: string;
  let world: World;
  const home = process.cwd();
  const { TMPDIR: temporary } = process.env;

  beforeAll(async () => {
    // The gateway runs in this process: what it calls its folders are these.
    folder = await mkdtemp(join(tmpdir(), 'no-files-'));
    await Promise.all(['temporary', 'working', 'home'].map((name) => mkdir(join(folder, name))));
    process.env.TMPDIR = join(folder, 'temporary');
    process.chdir(join(folder, 'working'));
    world = await startWorld({ veeam: { bigOneDrive: { bytes: 32 * 1024 * 1024 } } });
  });
  afterAll(async () => {
    await world.close();
    process.chdir(home);
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    await rm(folder, { recursive: true, force: true });
  });

  it('and this one writes none, neither during a download nor after it', async () => {
    const oscar = await Caller.named('oscar', world);
    const sid = await oscar.openSession();
    const vast = await oscar.oneDriveNamed(sid, 'Vera Vast');
    const before = await filesBelow(folder);
    expect(before.length).toBeGreaterThan(0);

    const response = await oscar.fetch('POST', `/api/v1/restore-sessions/${sid}/onedrives/${vast}/save`);
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    let bytes = 0;
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      if (bytes === 0) expect(await filesBelow(folder)).toEqual(before);
      bytes += (piece.value as Uint8Array).length;
    }
    expect(bytes).toBeGreaterThan(32 * 1024 * 1024);
    expect(await filesBelow(folder)).toEqual(before);
  });
});

/** As the sandbox shortens the tokens it got. */
function digest(word: string): string {
  return createHash('sha256').update(word).digest('hex').slice(0, 16);
}

function decoded(word: string): string {
  return Buffer.from(word, 'base64').toString('utf8');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.sort();
}
