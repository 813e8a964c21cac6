import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { contoso, fabrikam } from '../../apps/veeam-sandbox/src/people.js';
import { Caller } from './caller.js';
import { environmentOf, serverSettings, type ServerPair, startServerPair } from './server-pair.js';
import type { YamlSettings } from './settings.js';
import { type Moving, whileAdvancing } from './until.js';
import { type Gateway, startGateway } from './world.js';

export const CONTOSO = 'contoso.onmicrosoft.com';
export const FABRIKAM = 'fabrikam.onmicrosoft.com';

/** What the two servers speak: the versions that differ most, both ways round. */
export const versionPairs = [
  { emeaVersion: 'v8', apacVersion: 'v5' },
  { emeaVersion: 'v5', apacVersion: 'v8' },
] as const;

export const adjust = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: {
    ...configuration.limits,
    requestsPerWindow: 100_000,
    shutdownGraceMs: 1_000,
    // Their clock goes faster than the database renews leases on a busy machine.
    leaseMs: 600_000,
  },
});

type Servers = readonly Readonly<Record<string, unknown>>[];

/**
 * For the specs of one `describe`: contoso on one backup server, fabrikam on the other, gateways before them whose clock stands still, and
 * what callers do there.
 */
export function betweenServers({ emeaVersion, apacVersion }: (typeof versionPairs)[number]) {
  let pair: ServerPair;
  let clock: ManualClock;
  let gateways: Gateway[] = [];

  beforeAll(async () => {
    pair = await startServerPair({ emea: [{ name: CONTOSO }], apac: [{ name: FABRIKAM }] });
  });
  beforeEach(() => {
    clock = new ManualClock(Date.now());
    pair.emea.control.clearReceived();
    pair.apac.control.clearReceived();
  });
  afterEach(async () => {
    pair.emea.control.clearFaults();
    pair.apac.control.clearFaults();
    await closeAll();
  });
  afterAll(() => pair.close());

  const moving = (): Moving => ({ clock, by: 1_000 });
  const soon = <T>(promise: Promise<T>) => whileAdvancing(moving(), promise);
  const closeAll = () => soon(Promise.all(gateways.splice(0).map((gateway) => gateway.close())));
  const emea = () => serverSettings('emea', pair.emea, emeaVersion);
  const apac = () => serverSettings('apac', pair.apac, apacVersion);
  const open = (caller: Caller, organization: string) =>
    caller.post('/api/v1/restore-sessions', {
      organizationId: organization === CONTOSO ? contoso.id : fabrikam.id,
    });

  return {
    get pair() {
      return pair;
    },
    get clock() {
      return clock;
    },
    moving,
    /** What a promise comes to while the gateways' clock moves on. */
    soon,
    closeAll,
    /** The servers as the YAML names them. */
    emea,
    apac,
    async start(
      servers: Servers = [emea(), apac()],
      change?: (settings: YamlSettings) => Partial<YamlSettings>,
    ): Promise<Gateway> {
      const gateway = await startGateway(pair, {
        clock,
        adjust,
        environment: await environmentOf(pair, servers, change),
      });
      gateways = [...gateways, gateway];
      return gateway;
    },
    callerAt: (gateway: Gateway, name = 'oscar') => Caller.named(name, { ...pair, gateway }),
    organizations: (caller: Caller) => caller.get('/api/v1/organizations'),
    open,
    async sessionIn(caller: Caller, organization: string): Promise<string> {
      const { status, body } = await open(caller, organization);
      if (status !== 201) throw new Error(`no session: ${JSON.stringify(body)}`);
      return body.id as string;
    },
    /** Where the first OneDrive of a session is. */
    async firstOneDrive(caller: Caller, sid: string): Promise<string> {
      const [id] = await soon(caller.oneDrives(sid));
      if (id === undefined) throw new Error('no OneDrive');
      return `/api/v1/restore-sessions/${sid}/onedrives/${id}`;
    },
    async readiness({ url }: Gateway) {
      const answer = await soon(fetch(`${url}/health/ready`));
      const { checks } = (await answer.json()) as { checks: { upstream: object } };
      return { status: answer.status, upstream: checks.upstream };
    },
  };
}
