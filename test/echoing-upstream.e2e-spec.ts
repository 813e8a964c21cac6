import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { ProblemCode } from '@app/problems';

import { type Answer, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { type Echo, EchoingUpstream } from './support/echoing-upstream.js';
import { whileAdvancing } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

/** Found in all that is echoed, and allowed nowhere but in the log, where upstream's words may stand without the secrets in them. */
const MARK = `echo-${randomBytes(9).toString('hex')}`;
/** Of what is not even for the log. */
const TRACE = `trace-${randomBytes(9).toString('hex')}`;

const base64 = (text: string) => Buffer.from(text).toString('base64');

const json =
  (status: number, bodyOf: (echoed: Parameters<Echo>[0]) => unknown): Echo =>
  (echoed, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(bodyOf(echoed)));
  };

/** As an error handler that means well answers. */
const refusal = (status: number, written: (text: string) => string): Echo =>
  json(status, ({ whole, body, authorization }) => ({
    message: `${MARK} ${written(`${authorization}\n${body}`)}`,
    error: `${MARK} ${written(body)}`,
    errorCode: `${MARK} ${written(whole)}`,
    error_description: `${MARK} ${written(whole)}`,
    stackTrace: `${TRACE} ${whole}`,
    request: whole,
  }));

const onOneLine = (text: string) => text.replaceAll('\n', ' ');

interface Way {
  readonly way: string;
  readonly how: Echo;
  readonly login: ProblemCode;
  /** Of all else that is answered at once. */
  readonly read: ProblemCode;
  /** Where it is another one: a server that does not take an id for one has no such OneDrive. */
  readonly readOfOne?: ProblemCode;
  readonly action: readonly ['failed' | 'interrupted', ProblemCode];
  /** Of a mail, whose answer is its status alone. */
  readonly mail?: 'succeeded';
}

const broken = {
  read: 'upstream-broken',
  login: 'upstream-broken',
  action: ['interrupted', 'upstream-broken'],
} as const;
const rejected = { read: 'upstream-rejected', action: ['failed', 'upstream-rejected'] } as const;

const ways: readonly Way[] = [
  {
    way: 'a refusal',
    how: refusal(400, String),
    ...rejected,
    readOfOne: 'not-found',
    login: 'upstream-login-failed',
  },
  { way: 'a refusal, URL-encoded', how: refusal(403, encodeURIComponent), ...rejected, login: 'upstream-login-failed' },
  { way: 'an error, in base64', how: refusal(500, base64), ...rejected, login: 'upstream-unavailable' },
  {
    way: 'a page of a proxy',
    how: ({ whole }, response) => {
      response.writeHead(502, { 'content-type': 'text/html', 'x-echo': encodeURIComponent(whole) });
      response.end(`<html><!-- ${TRACE} ${whole} --></html>`);
    },
    ...broken,
    login: 'upstream-unavailable',
  },
  {
    way: 'a redirect',
    how: ({ whole }, response) => {
      response.writeHead(302, { location: `https://${TRACE}.example/?${encodeURIComponent(whole)}` }).end();
    },
    ...broken,
    action: ['failed', 'upstream-broken'],
  },
  {
    way: 'an object of another kind',
    how: json(200, (echoed) => ({ [TRACE]: echoed, ...echoed })),
    ...broken,
    mail: 'succeeded',
  },
  { way: 'a list', how: json(200, ({ whole }) => [TRACE, whole]), ...broken, mail: 'succeeded' },
  {
    way: 'text that is not JSON',
    how: ({ whole }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"${TRACE}": ${whole}`);
    },
    ...broken,
  },
  {
    way: 'an answer that is cut',
    how: ({ whole }, response) => {
      const text = JSON.stringify({ trace: TRACE, whole, results: [] });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length + 1_000 });
      response.write(text, () => response.destroy());
    },
    ...broken,
  },
  {
    way: 'a chunk of no length',
    how: ({ whole }, response) => {
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
      response.socket?.end(`${head}${TRACE} ${onOneLine(whole)}\r\n`);
    },
    ...broken,
  },
  {
    way: 'headers that are none',
    how: ({ whole }, response) => {
      response.socket?.end(`HTTP/1.1 200 ${TRACE}\r\n${onOneLine(whole)}\u0000\r\n\r\n${whole}`);
    },
    ...broken,
  },
  {
    way: 'what is not even HTTP',
    how: ({ whole }, response) => {
      response.socket?.end(`${TRACE} ${whole}`);
    },
    ...broken,
  },
  {
    way: 'the half of a first line',
    how: ({ whole }, response) => {
      response.socket?.write(`HTTP/1.1 200 ${TRACE} ${onOneLine(whole)}`, () => response.destroy());
    },
    ...broken,
  },
];

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 100_000, leaseMs: 3_600_000 },
});

describe.each(dialects)(
  'an upstream of $version that answers a request with itself',
  ({ checksDeviceCodes, version, heldState }) => {
    let neighbours: Neighbours;
    let upstream: EchoingUpstream;
    let folder: string;
    let clock: ManualClock;
    let gateway: Gateway;
    /** With a password, a certificate, and device codes. */
    let alice: Desk;
    let fred: Desk;
    let oscar: Desk;

    beforeAll(async () => {
      neighbours = await startNeighbours();
      neighbours.canary.knows("upstream's words", MARK, 'log');
      neighbours.canary.knows("what is not for upstream's words", TRACE);
      upstream = await EchoingUpstream.before(neighbours.veeam);
      folder = await mkdtemp(join(tmpdir(), 'echoing-audit-'));
      clock = new ManualClock(Date.now());
      gateway = await startGateway(neighbours, {
        clock,
        environment: { ...upstream.environment, VEEAM_API_VERSION: version },
        adjust: (configuration) => ({
          ...roomy(configuration),
          audit: {
            ...configuration.audit,
            sinks: [{ kind: 'file', name: 'file', path: join(folder, 'audit.ndjson') }],
          },
        }),
      });
      const world = { ...neighbours, gateway };
      alice = await openDesk('alice', world);
      fred = await openDesk('fred', world, 'fabrikam.onmicrosoft.com');
      oscar = await openDesk('oscar', world);
    });
    afterEach(() => {
      upstream.behaves();
    });
    afterAll(async () => {
      await gateway.close();
      try {
        await neighbours.close();
      } finally {
        await upstream.close();
        await rm(folder, { recursive: true });
      }
    });

    const session = ({ sid }: Desk) => `/api/v1/restore-sessions/${sid}`;
    const asked = (answer: Promise<Answer>) => whileAdvancing({ clock, by: 1_000 }, answer);
    const act = ({ caller, sid, oneDrives }: Desk, owner: string, action: string, body: object = {}) =>
      caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives[owner]}/${action}`, body);
    const deviceCode = async () => {
      const { body } = await oscar.caller.post(`${session(oscar)}/device-codes`);
      return body.userCode as string;
    };

    interface Asked {
      readonly what: string;
      readonly which: RegExp;
    }

    const reads: (Asked & { readonly ask: () => Promise<Answer> })[] = [
      {
        what: 'organizations',
        which: /^GET \/v\d\/Organizations[?\n]/,
        ask: () => oscar.caller.get('/api/v1/organizations'),
      },
      {
        what: 'a restore session to be opened',
        which: /^POST .*explore/is,
        ask: () => oscar.caller.post('/api/v1/restore-sessions', { organizationId: oscar.organizationId }),
      },
      {
        what: 'OneDrives',
        which: /^GET .*\/OneDrives\?/,
        ask: () => oscar.caller.get(`${session(oscar)}/onedrives`),
      },
      {
        what: 'one OneDrive',
        which: /^GET .*\/OneDrives\/[^/]+\n/,
        ask: () => oscar.caller.get(`${session(oscar)}/onedrives/${oscar.oneDrives.Alice}`),
      },
      {
        what: 'a device code',
        which: /^POST .*restoreDeviceCode/i,
        ask: () => oscar.caller.post(`${session(oscar)}/device-codes`),
      },
      { what: 'a download', which: /^POST .*(\/save\n|"save")/s, ask: () => act(oscar, 'Alice', 'save') },
    ];

    const message = { to: 'bob@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
    const target = () => ({ target: { oneDriveId: oscar.oneDrives.Bob } });
    /** The action, and not the look before it whether the code was confirmed. */
    const withDeviceCode = /^POST (?!.*DeviceCode).*userCode/s;
    const actions: (Asked & { readonly desk: () => Desk; readonly ask: () => Promise<Answer> })[] = [
      {
        what: 'a restore with a password',
        which: /^(?!.*copyTo).*userPassword/s,
        desk: () => alice,
        ask: () => act(alice, 'Alice', 'restore'),
      },
      {
        what: 'a restore with a certificate',
        which: /applicationCertificate/,
        desk: () => fred,
        ask: () => act(fred, 'Fred', 'restore'),
      },
      {
        what: 'a restore with a device code',
        which: withDeviceCode,
        desk: () => oscar,
        ask: async () => act(oscar, 'Alice', 'restore', { userCode: await deviceCode() }),
      },
      { what: 'a copy', which: /copyTo/, desk: () => oscar, ask: () => act(oscar, 'Alice', 'copy', target()) },
      {
        what: 'a mail',
        which: /^POST .*(\/send\n|"sendTo")/s,
        desk: () => oscar,
        ask: () => act(oscar, 'Alice', 'send', message),
      },
    ];

    describe.each(ways)('as $way', ({ how, read, readOfOne = read, login, action: [state, code], mail }) => {
      it('when it is logged in to', async () => {
        const { control } = neighbours.veeam;
        const logins = /^POST \/v\d\/token\n/;
        control.expireAccessTokens();
        control.revokeRefreshTokens();
        upstream.echoesTo(logins, how);
        expectProblem(await asked(oscar.caller.get(`${session(oscar)}/onedrives`)), login);
        expect(upstream.echoes).toBeGreaterThan(0);
        upstream.behaves();
        // A refused login is remembered for a while.
        await clock.advance(6_000);
      });

      it('when something is read', async () => {
        for (const { what, which, ask } of reads) {
          // One by one: some read what others do before they ask for what is their own.
          upstream.echoesTo(which, how);
          const answer = await asked(ask());
          const expected = what === 'one OneDrive' ? readOfOne : read;
          expect([what, answer.body.code]).toEqual([what, expected]);
          expectProblem(answer, expected);
          expect(upstream.echoes).toBeGreaterThan(0);
        }
      });

      if (checksDeviceCodes) {
        it('when it is asked whether a device code was confirmed', async () => {
          const userCode = await deviceCode();
          upstream.echoesTo(/^POST .*DeviceCode\/check\n/i, how);
          const answer = await asked(act(oscar, 'Alice', 'restore', { userCode }));
          expect(answer.status).toBeGreaterThanOrEqual(400);
          expect(JSON.stringify(answer.body)).not.toContain(MARK);
          expect(upstream.echoes).toBeGreaterThan(0);
          upstream.behaves();
        });
      }

      it('when something is done', async () => {
        for (const { what, which, desk, ask } of actions) {
          upstream.echoesTo(which, how);
          const { headers } = await ask();
          const ended = await desk().caller.endOf(operationIdOf(headers), { clock, by: 250 });
          const expected = what === 'a mail' && mail ? [mail, undefined] : [state, code];
          expect([what, ended.state, ended.problem?.code]).toEqual([what, ...expected]);
          expect(JSON.stringify(ended)).not.toContain(MARK);
          // Whatever came of it, it was sent once.
          expect(upstream.echoes).toBe(1);
          upstream.behaves();
        }
      });
    });

    it('has its words about a restore shown, without what they repeat', async () => {
      const { veeam } = neighbours;
      const userCode = await deviceCode();
      const repeated = [userCode, veeam.password, veeam.restorePassword, veeam.certificatePassword];
      const told = heldState === 'submitting' ? withDeviceCode : /^GET .*\/(Statistics|Events.*)\n/;
      upstream.echoesTo(told, (echoed, response) => {
        const words = (what: string) =>
          `${what} failed with ${[echoed.authorization, ...repeated].join(' and ')}, sorry`;
        const issue = {
          path: words('path'),
          title: words('title'),
          error: words('error'),
          warnings: [words('warning')],
        };
        const counts = { totalItemsCount: 2, restoredItemsCount: 1, failedItemsCount: 1, skippedItemsCount: 0 };
        const statistics = { ...counts, restoreIssues: [issue], items: [issue], errors: [words('all')] };
        const startTime = new Date(clock.now()).toISOString();
        const event = {
          order: 0,
          type: 'Restore',
          status: 'Failed',
          startTime,
          itemName: words('item'),
          message: 'no',
        };
        const isLog = /^GET .*\/Events/.test(echoed.whole);
        json(200, () => (isLog ? { offset: 0, limit: 250, results: [event] } : statistics))(echoed, response);
      });
      const { headers } = await act(oscar, 'Alice', 'restore', { userCode });
      const id = operationIdOf(headers);
      const { state, outcome } = await oscar.caller.endOf(id, { clock, by: 250 });
      expect(state).toBe('partially-succeeded');
      const redacted = (what: string) =>
        expect.stringMatching(new RegExp(`^${what} failed with .*\\[redacted\\]`)) as string;
      const [path, title] = [redacted('path'), redacted('title')];
      expect(outcome.issues).toEqual([
        ...(heldState === 'following' ? [{ severity: 'error', message: redacted('all') }] : []),
        { path, title, severity: 'error', message: redacted('error') },
        { path, title, severity: 'warning', message: redacted('warning') },
      ]);
      const events = await (await oscar.caller.fetch('GET', `/api/v1/operations/${id}/events`)).text();
      if (heldState === 'following') expect(events).toContain('item failed with');
      // The canary lets device codes pass, which belong into the answer that issues them.
      for (const secret of repeated) expect(JSON.stringify(outcome) + events).not.toContain(secret);
    });
  },
);
