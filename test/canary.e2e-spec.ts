import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';

import type { Logger } from '@app/logging';
import { Metrics } from '@app/logging';

import { LOGGER } from '../apps/gateway/src/infrastructure/tokens.js';
import { Caller } from './support/caller.js';
import { Canary } from './support/canary.js';
import { runCommand } from './support/command.js';
import { openDesk } from './support/desk.js';
import { startGatewayProcess } from './support/gateway-process.js';
import { SecretMount } from './support/secret-mount.js';
import { WebhookReceiver } from './support/webhook-receiver.js';
import { startGateway, startWorld, type World } from './support/world.js';

/** One that nobody has told the scrubber of. */
const planted = () => `"${randomBytes(12).toString('base64url')}+/ &x`;

describe('the canary of the whole suite', () => {
  let world: World;
  let answers: string[];
  /** At the end of the document that the gateway serves of itself. */
  let documented = '';
  let folder: string;
  let sinkFile: string;
  let alice: Caller;

  beforeAll(async () => {
    answers = [];
    folder = await mkdtemp(join(tmpdir(), 'canary-'));
    sinkFile = join(folder, 'audit.ndjson');
    world = await startWorld({
      adjust: (configuration) => ({
        ...configuration,
        audit: { ...configuration.audit, sinks: [{ kind: 'file', name: 'file', path: sinkFile }] },
      }),
      prepare: (app: NestFastifyApplication) => {
        const fastify = app.getHttpAdapter().getInstance();
        fastify.get('/planted', (_request, reply) => {
          reply.hijack();
          reply.raw.writeHead(200, { 'content-type': 'text/plain' });
          answers.forEach((piece) => reply.raw.write(piece));
          reply.raw.end();
        });
        fastify.addHook('onSend', (request, _reply, payload, done) => {
          done(null, request.url === '/openapi.json' ? `${String(payload)}${documented}` : payload);
        });
      },
    });
    const { caller, sid, oneDrives } = await openDesk('alice', world);
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
    alice = caller;
    expect(await alice.post(path, {}, { prefer: 'wait=20' })).toMatchObject({ body: { state: 'succeeded' } });
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  const leaksOf = async (value: string) => {
    world.canary.knows('a planted one', value);
    const leaks = await world.canary.leaks();
    world.canary.forgets(value);
    return leaks;
  };

  it('finds nothing where nothing is', async () => {
    expect(await leaksOf(planted())).toEqual([]);
  });

  it.each<[string, (value: string) => string[]]>([
    ['plain', (value) => [value]],
    ['base64', (value) => [Buffer.from(`user:${value}:x`).toString('base64')]],
    ['base64url', (value) => [Buffer.from(`u:${value}`).toString('base64url')]],
    ['hex', (value) => [Buffer.from(value).toString('hex').toUpperCase()]],
    ['URL-encoded', (value) => [`/path?x=${encodeURIComponent(value)}&y`]],
    ['JSON-escaped', (value) => [JSON.stringify({ message: value })]],
    ['as octets', (value) => [JSON.stringify(Buffer.from(`x${value}`))]],
    ['JSON in JSON', (value) => [JSON.stringify({ message: JSON.stringify({ value }) })]],
    ['split between chunks', (value) => [value.slice(0, 7), value.slice(7)]],
  ])('finds one in an answer, %s', async (_, pieces) => {
    const value = planted();
    answers = pieces(value);
    expect(await alice.get('/planted')).toMatchObject({ status: 200 });
    expect(await leaksOf(value)).toEqual(['a planted one in response']);
  });

  it('finds one in a header of an answer', async () => {
    const value = randomBytes(12).toString('base64url');
    await new Caller(world.gateway.url, undefined).get('/health/live', { 'x-request-id': value });
    const leaks = await leaksOf(value);
    expect(leaks).toContain('a planted one in response');
  });

  it('finds one in a line of the log', async () => {
    const value = planted();
    world.gateway.app.get<Logger>(LOGGER).trace({ value }, 'planted');
    expect(await leaksOf(value)).toEqual(['a planted one in log']);
  });

  it('finds one in a metric', async () => {
    const value = randomBytes(12).toString('base64url');
    world.gateway.app.get(Metrics).countTokenRefusal(value);
    expect(await leaksOf(value)).toEqual(['a planted one in metrics']);
  });

  it('finds one in the document that a gateway serves, also when that is closed', async () => {
    documented = planted();
    expect(await leaksOf(documented)).toEqual(['a planted one in openapi']);
    const other = await startGateway(world, {
      prepare: (app) => {
        const fastify = app.getHttpAdapter().getInstance();
        fastify.addHook('onSend', (_request, _reply, _payload, done) => {
          done(null, last);
        });
      },
    });
    const last = planted();
    await other.close();
    expect(await leaksOf(last)).toEqual(['a planted one in openapi']);
  });

  it('looks at the document that is checked in', async () => {
    const title = '"title": "Restore Gateway"';
    expect(await leaksOf(title)).toEqual(['a planted one in openapi']);
  });

  it.each(['', '.1'])('finds one in the file%s of an audit sink', async (suffix) => {
    const value = planted();
    await appendFile(`${sinkFile}${suffix}`, `{"record":${JSON.stringify({ reason: value })}}\n`);
    expect(await leaksOf(value)).toEqual(['a planted one in audit-sink']);
  });

  it('finds one in what a webhook was told', async () => {
    const receiver = await WebhookReceiver.start(world.canary);
    const value = planted();
    try {
      const { port } = new URL(receiver.url);
      await tellByHttps({ port, ca: await readFile(receiver.caFile) }, JSON.stringify({ type: value }));
      receiver.reset();
      expect(await leaksOf(value)).toEqual(['a planted one in webhook']);
      await tellByHttps({ port, ca: await readFile(receiver.caFile) }, receiver.key);
      expect(await world.canary.leaks()).toEqual(['the key of a webhook in webhook']);
    } finally {
      world.canary.forgets(receiver.key.replace('whsec_', ''));
      await receiver.close();
    }
  });

  it.each(['restore_sessions', 'operations', 'operation_events', 'audit_records'])(
    'looks at every row of %s',
    async (table) => {
      const owner = new pg.Client({ connectionString: world.database.ownerUrl });
      await owner.connect();
      const value = randomBytes(12).toString('base64url');
      try {
        await owner.query(`alter table ${table} add column planted text default '${value}'`);
        expect(await leaksOf(value)).toEqual(['a planted one in database']);
      } finally {
        await owner.query(`alter table ${table} drop column planted`);
        await owner.end();
      }
    },
  );

  it('finds one in what upstream got that is for somebody else', async () => {
    const canary = new Canary();
    canary.knows('the Veeam password', world.veeam.password, 'upstream-login');
    canary.watch('upstream-action', () => JSON.stringify({ userPassword: world.veeam.password }));
    canary.watch('upstream-login', () => JSON.stringify({ password: world.veeam.password }));
    expect(await canary.leaks()).toEqual(['the Veeam password in upstream-action']);
    await expect(canary.expectNoLeak()).rejects.toThrow('the Veeam password in upstream-action');
  });

  it('looks at what upstream gets', async () => {
    const login = world.veeam.control.received().find(({ route }) => route === 'token');
    const { username = '' } = login?.body as { username?: string };
    world.canary.knows('a planted one', username, 'database', 'log', 'response', 'upstream');
    expect(await world.canary.leaks()).toEqual(['a planted one in upstream-login']);
    world.canary.forgets(username);
  });

  it('finds the mail password in what upstream gets that is no change of its mail server', async () => {
    const canary = new Canary();
    canary.knows('the mail password', world.mailPassword, 'upstream-mail');
    canary.watch('upstream', () => JSON.stringify({ userPassword: world.mailPassword }));
    expect(await canary.leaks()).toEqual(['the mail password in upstream']);
    const { environment, veeam } = world;
    const { code } = await runCommand('email-settings', ['apply'], { environment, canary: world.canary });
    expect(code).toBe(0);
    expect(veeam.control.received().at(-2)?.body).toMatchObject({ userPassword: world.mailPassword });
    expect(await world.canary.leaks()).toEqual([]);
    expect(await leaksOf(world.mailPassword)).toEqual(['a planted one in upstream-mail']);
    world.canary.knows('the mail password', world.mailPassword, 'upstream-mail');
  });

  it('finds one that a file held for a while', async () => {
    const value = planted();
    const mount = await SecretMount.with({ password: value }, { canary: world.canary, belongsIn: () => ['database'] });
    await mount.change('atomic rename', { password: 'what came after it' });
    await mount.remove();
    world.gateway.app.get<Logger>(LOGGER).trace({ value }, 'planted');
    expect(await world.canary.leaks()).toEqual(['what password held in log']);
    world.canary.forgets(value);
  });

  it('finds one in what a command prints, and in its arguments', async () => {
    const value = randomBytes(12).toString('base64url');
    await runCommand('audit', ['verify', `--${value}`], { canary: world.canary });
    expect(await leaksOf(value)).toEqual(['a planted one in argument', 'a planted one in command']);
  });

  it('finds one in the arguments of a process, and in its log', async () => {
    const value = randomBytes(12).toString('base64url');
    const gateway = await startGatewayProcess(world, { HOST: '127.0.0.1' }, [`--title=${value}`]);
    await gateway.close();
    expect(await leaksOf(value)).toEqual(['a planted one in argument']);
  });
});

async function tellByHttps({ port, ca }: { port: string; ca: Buffer }, body: string): Promise<void> {
  const request = httpsRequest({ host: 'localhost', port, ca, method: 'POST' });
  const answered = once(request, 'response');
  request.end(body);
  await answered;
}
