import { randomBytes } from 'node:crypto';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';

import type { Logger } from '@app/logging';
import { Metrics } from '@app/logging';

import { LOGGER } from '../apps/gateway/src/infrastructure/tokens.js';
import { Caller } from './support/caller.js';
import { Canary } from './support/canary.js';
import { openDesk } from './support/desk.js';
import { startGatewayProcess } from './support/gateway-process.js';
import { startWorld, type World } from './support/world.js';

/** One that nobody has told the scrubber of. */
const planted = () => `"${randomBytes(12).toString('base64url')}+/ &x`;

describe('the canary of the whole suite', () => {
  let world: World;
  let answers: string[];
  let alice: Caller;

  beforeAll(async () => {
    answers = [];
    world = await startWorld({
      prepare: (app: NestFastifyApplication) => {
        const fastify = app.getHttpAdapter().getInstance();
        fastify.get('/planted', (_request, reply) => {
          reply.hijack();
          reply.raw.writeHead(200, { 'content-type': 'text/plain' });
          answers.forEach((piece) => reply.raw.write(piece));
          reply.raw.end();
        });
      },
    });
    const { caller, sid, oneDrives } = await openDesk('alice', world);
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
    alice = caller;
    expect(await alice.post(path, {}, { prefer: 'wait=20' })).toMatchObject({ body: { state: 'succeeded' } });
  });
  afterAll(() => world.close());

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

  it('finds one in the arguments of a process, and in its log', async () => {
    const value = randomBytes(12).toString('base64url');
    const gateway = await startGatewayProcess(world, { HOST: '127.0.0.1' }, [`--title=${value}`]);
    await gateway.close();
    expect(await leaksOf(value)).toEqual(['a planted one in argument']);
  });
});
