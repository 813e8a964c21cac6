import { randomUUID } from 'node:crypto';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { BackupServers } from '@app/veeam-client';

import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { backedUp, claimsOf } from './support/backed-up.js';
import { Caller, expectProblem } from './support/caller.js';
import { dialects } from './support/dialects.js';
import { until } from './support/until.js';
import { changes, requests } from './support/upstream.js';
import { type Gateway, type GatewayOptions, startGateway, startNeighbours } from './support/world.js';

type Claims = Readonly<Record<string, unknown>>;

const at = (name: string, { name: domain } = contoso) => `${name}@${domain}`;
/** Of a list without a filter. */
const firstPage = '/Users?offset=0&';
const wholeList = /\/Organizations\/(.+?)\/Users\?offset=0&/i;

let neighbours: Awaited<ReturnType<typeof startNeighbours>>;
let gateway: Gateway;

beforeAll(async () => {
  neighbours = await startNeighbours();
});
afterAll(() => neighbours.close());
beforeEach(() => {
  neighbours.veeam.control.reset();
});

/** One gateway for the tests of a block. */
function useGateway(options: GatewayOptions): void {
  beforeAll(async () => {
    gateway = await startGateway(neighbours, options);
  });
  afterAll(() => gateway.close());
}

/** A gateway for one test, which knows nobody yet. */
async function start(options: GatewayOptions = {}): Promise<void> {
  gateway = await startGateway(neighbours, options);
  neighbours.veeam.control.clearReceived();
}

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 100_000 },
});

const bearing = async (claims: Claims) =>
  new Caller(gateway.url, await neighbours.sso.token('mallory', { groups: [], ...claims }));

const organizationsOf = async (caller: Caller) =>
  ((await caller.get('/api/v1/organizations')).body.items as { name: string }[]).map(({ name }) => name);

/** Ids of the OneDrives that the caller finds to be theirs. */
async function ownOf(claims: Claims, organization = contoso): Promise<string[]> {
  const caller = await bearing(claims);
  const organizations = await organizationsOf(caller);
  expect(organizations).toEqual(organizations.includes(organization.name) ? [organization.name] : []);
  if (organizations.length === 0) {
    const before = changes(neighbours.veeam.control);
    expectProblem(await caller.post('/api/v1/restore-sessions', { organizationId: organization.id }), 'forbidden');
    expect(changes(neighbours.veeam.control)).toEqual(before);
    return [];
  }
  return caller.oneDrives(await caller.openSession(organization.name));
}

/** The organizations whose users were all read, in order. */
const readWhole = () =>
  requests(neighbours.veeam.control).flatMap((request) => wholeList.exec(request)?.slice(1) ?? []);

const emil = backedUp(at('emil.empty'));
const king = backedUp(at('Maria.King'));
/** Of a token that names her by an address and by nothing else. */
const byAddress = { oid: undefined, mail: at('maria.king'), mail_verified: true, email: undefined };

const optedIn = (configuration: Configuration): Configuration => ({
  ...configuration,
  issuers: configuration.issuers.map((issuer) => ({
    ...issuer,
    ownershipByEmail: { addressClaim: 'mail', verifiedClaim: 'mail_verified' },
  })),
});

describe.each(dialects)('on $version', ({ version }) => {
  const environment = { VEEAM_API_VERSION: version };

  describe('by the object id', () => {
    useGateway({ environment, adjust: roomy });

    describe('a person whom upstream calls otherwise than the token does', () => {
      it('owns what is theirs by the object id', async () => {
        expect(await ownOf(claimsOf({ ...emil, login: at('emil.formerly') }))).toEqual(emil.oneDriveIds);
        expect(await ownOf({ sub: 'x', oid: emil.objectId, email: undefined, preferred_username: undefined })).toEqual(
          emil.oneDriveIds,
        );
      });

      it('who took over the address of somebody else owns nothing of them, and the other nothing of theirs', async () => {
        const hanna = backedUp(at('hanna.hybrid'));
        const [atHannas, atEmils] = [claimsOf(hanna, emil.objectId), claimsOf(emil, hanna.objectId)];
        expect(await ownOf(atHannas)).toEqual(emil.oneDriveIds);
        expect(await ownOf(atEmils)).toEqual(hanna.oneDriveIds);
      });

      it('and who is gone, while their address lives on with another, owns nothing', async () => {
        expect(await ownOf(claimsOf(emil, randomUUID()))).toEqual([]);
        expect(await ownOf(claimsOf(emil, backedUp(at('laura.leaver')).objectId))).toEqual([]);
        expect(await ownOf(claimsOf(emil))).toEqual(emil.oneDriveIds);
      });
    });

    describe('no owner is made', () => {
      it('of a guest, whose home is elsewhere and who has no OneDrive', async () => {
        const gina = backedUp(at('gina_partner.example#EXT#'));
        expect(await ownOf(claimsOf({ ...gina, login: 'gina@partner.example' }))).toEqual([]);
        expect(await ownOf(claimsOf(gina))).toEqual([]);
      });

      it('of a guest with the address of somebody in another organization that the issuer speaks for', async () => {
        const gina = backedUp(at('gina_partner.example#EXT#'));
        const atFreds = claimsOf({ ...gina, login: at('fred', fabrikam) });
        expect(await ownOf(atFreds, fabrikam)).toEqual([]);
        expect(requests(neighbours.veeam.control).join()).not.toContain(backedUp(at('fred', fabrikam)).id);
      });

      it('of one of two users with the same object id', async () => {
        const tom = backedUp(at('tom.twin'));
        expect(await ownOf(claimsOf({ ...tom, login: at('tom.formerly') }))).toEqual([]);
      });

      it('of a person with more than two OneDrives', async () => {
        const trixie = backedUp(at('trixie.three'));
        expect(trixie.oneDriveIds).toHaveLength(3);
        expect(await ownOf(claimsOf(trixie))).toEqual([]);
      });

      it('by a login that only looks alike', async () => {
        const lookAlike = backedUp(at('maria.\u212Aing'));
        expect(await ownOf(claimsOf({ ...king, login: at('MARIA.king') }))).toEqual(king.oneDriveIds);
        // A server that compares more loosely than we do lists both of them: it is the object id that tells them apart.
        expect(await ownOf(claimsOf({ ...lookAlike, login: at('maria.king') }))).toEqual(lookAlike.oneDriveIds);
        expect(await ownOf(claimsOf({ objectId: randomUUID(), login: at('maria.king') }))).toEqual([]);
      });

      it('by an address, where the token has no object id', async () => {
        expect(await ownOf(byAddress)).toEqual([]);
        expect(await ownOf({ ...byAddress, email: at('maria.king'), email_verified: true })).toEqual([]);
      });
    });
  });

  describe('an issuer whose tokens have no object id', () => {
    useGateway({ environment, adjust: (configuration) => optedIn(roomy(configuration)) });

    it('makes an owner by a verified address where that was opted for', async () => {
      expect(await ownOf(byAddress)).toEqual(king.oneDriveIds);
      expect(await ownOf({ ...byAddress, mail: at('fred', fabrikam) }, fabrikam)).toHaveLength(1);
      expect(readWhole()).toEqual([]);
    });

    it.each<[string, Claims]>([
      ['is not verified', { mail_verified: false }],
      ['is verified by another claim only', { mail_verified: undefined, email_verified: true }],
      ['is in another claim only', { mail: undefined, email: at('maria.king'), email_verified: true }],
      ['is in no domain of the issuer', { mail: 'maria.king@partner.example' }],
      ['is only a part of a login', { mail: at('king') }],
      ['only looks like a login', { mail: at('maria.\u212Aing') }],
      ['is not the login of a guest', { mail: 'gina@partner.example' }],
      ['stands beside the object id of nobody', { oid: randomUUID() }],
    ])('but of nobody whose address %s', async (_case, changed) => {
      expect(await ownOf({ ...byAddress, ...changed })).toEqual([]);
    });

    it('but of no service, and of nobody with more than two OneDrives', async () => {
      expect(await ownOf({ ...byAddress, mail: at('trixie.three') })).toEqual([]);
      const service = await neighbours.sso.token('helpdesk-app', { roles: [], email: at('maria.king') });
      expect(await organizationsOf(new Caller(gateway.url, service))).toEqual([]);
    });
  });

  describe('a person among many', () => {
    afterEach(() => gateway.close());

    it('is found by either of the two names in the token without reading all users', async () => {
      await start({ environment });
      const claims = { ...claimsOf(emil), email: at('first.last'), email_verified: true };
      expect(await ownOf(claims)).toEqual(emil.oneDriveIds);
      expect(readWhole()).not.toContain(contoso.id);
    });

    it('is found on whatever page of the users', async () => {
      neighbours.veeam.control.setSyntheticOneDrives(600);
      await start({ environment });
      const [user] = await gateway.app
        .get(BackupServers)
        .of({ backupServer: 'default' })
        .users.find(contoso.id, at('synthetic-00599'));
      neighbours.veeam.control.clearReceived();
      expect(await ownOf(claimsOf({ objectId: user?.objectId, login: at('somebody.else') }))).toHaveLength(1);
      const pages = requests(neighbours.veeam.control).filter((request) =>
        /Users\?offset=\d+&limit=250$/i.test(request),
      );
      expect(pages.filter((page) => page.includes(contoso.id))).toHaveLength(3);
    });
  });
});

describe('reading all users of an organization', () => {
  afterEach(() => gateway.close());

  const stranger = () => claimsOf({ objectId: randomUUID(), login: at('stranger') });

  it('is done once for all who are not found by their login, however often they ask', async () => {
    await start();
    await Promise.all(Array.from({ length: 20 }, async () => organizationsOf(await bearing(stranger()))));
    const caller = await bearing(stranger());
    for (let request = 1; request <= 5; request++) expect(await organizationsOf(caller)).toEqual([]);
    expect(readWhole().sort()).toEqual([contoso.id, fabrikam.id].sort());
  });

  it('is not needed for who is found by their login, and done again after ten minutes', async () => {
    const clock = new ManualClock(Date.now());
    await start({ clock });
    await ownOf(claimsOf(backedUp(at('emil.empty'))));
    expect(readWhole()).toEqual([fabrikam.id]);
    await ownOf(stranger());
    await clock.advance(9 * 60_000);
    await ownOf(stranger());
    expect(readWhole()).toEqual([fabrikam.id, contoso.id]);
    await clock.advance(60_000);
    await ownOf(stranger());
    await until(() => readWhole().length === 4);
  });

  it('keeps nobody waiting for longer than five seconds, and goes on', async () => {
    const clock = new ManualClock(Date.now());
    await start({ clock });
    const hanna = backedUp(at('hanna.hybrid'));
    const renamed = await bearing(claimsOf({ ...hanna, login: at('hanna.formerly') }));
    const hold = neighbours.veeam.control.hold({ path: firstPage });
    try {
      const answer = renamed.get('/api/v1/organizations');
      await hold.reachedBy(2);
      await clock.advance(5_000);
      expect((await answer).body.items).toEqual([]);
    } finally {
      hold.release();
    }
    await until(async () => (await organizationsOf(renamed)).length === 1);
  });

  it('that fails makes nobody an owner and nobody wait, and is tried again a minute later', async () => {
    const clock = new ManualClock(Date.now());
    await start({ clock });
    neighbours.veeam.control.addFault({
      match: { path: firstPage },
      fault: { kind: 'answer', status: 400 },
      times: 2,
    });
    const hanna = claimsOf({ ...backedUp(at('hanna.hybrid')), login: at('hanna.formerly') });
    expect(await ownOf(hanna)).toEqual([]);
    expect(await ownOf(hanna)).toEqual([]);
    expect(readWhole()).toHaveLength(2);
    expect(gateway.log().join()).toContain('the users of an organization could not be read');
    expect(await ownOf(claimsOf(backedUp(at('emil.empty'))))).toHaveLength(1);
    await clock.advance(60_000);
    await until(async () => (await organizationsOf(await bearing(hanna))).length === 1);
  });
});
