import { randomUUID } from 'node:crypto';

import { AccessTokenAuthenticator, type Principal } from '@app/identity';
import fc from 'fast-check';

import { OwnershipService } from '../apps/gateway/src/policy/ownership.service.js';
import {
  json,
  makeCertificate,
  type Respond,
  ScriptedUpstream,
} from '../libs/veeam-client/src/testing/scripted-upstream.js';
import { timeoutMs, tryProperty } from './support/property.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

/** A user as upstream has it. */
interface User {
  readonly id: string;
  /** The object id by its own name, from v8 on. */
  readonly msid: string | null;
  readonly name: string;
  /** How many. */
  readonly oneDrives: number;
}

/** How loosely upstream takes the name that is asked for. */
type Filter = 'none' | 'part' | 'look-alikes';

interface Directory {
  readonly users: readonly User[];
  readonly filter: Filter;
  readonly pageSize: number;
  readonly token: Token;
}

/** Whom the token is about. */
type About = 'the first' | 'the first, called otherwise' | 'anybody';

interface Token {
  readonly oid: string;
  readonly login: string;
}

const ZEROS = '00000000-0000-0000-0000-000000000000';
const guids = ['a', 'b', 'c', 'd'].map((one) => `${one.repeat(8)}-0000-4000-8000-000000000001`);
const DOMAIN = 'contoso.onmicrosoft.com';
/** All of them the same to somebody who reads them, or to a server that folds them; only the first two are the same login. */
const names = [
  `kiki@${DOMAIN}`,
  `KIKI@${DOMAIN.toUpperCase()}`,
  `\u212Aiki@${DOMAIN}`,
  `k\u0131k\u0131@${DOMAIN}`,
  `K\u0130K\u0130@${DOMAIN}`,
  `\uFF4Biki@${DOMAIN}`,
  `\u043Aiki@${DOMAIN}`,
  `k\u00ECki@${DOMAIN}`,
  `ki\u0301ki@${DOMAIN}`,
  `kiki@c\u043Entoso.onmicrosoft.com`,
  `kiki@${DOMAIN}.example.com`,
  `xkiki@${DOMAIN}`,
  'kiki',
  ' ',
];

const guid = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...guids) },
  fc.constantFrom(...guids.map((one) => one.toUpperCase()), ZEROS, 'kiki', ''),
);
const userId = fc
  .tuple(guid, fc.constantFrom(ZEROS, ...guids), fc.constantFrom('', 'AQUAAAAAAAUVAAAA+/8/BIix/2kafNW0dAQAAA=='))
  .map(([cloud, onPremises, sid]) => cloud + onPremises + sid);
const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names.slice(0, 2)) }, fc.constantFrom(...names));

const users: fc.Arbitrary<User> = fc.record({
  id: userId,
  msid: fc.oneof({ weight: 6, arbitrary: guid }, fc.constant(null)),
  name,
  oneDrives: fc.constantFrom(1, 2, 3, 0, 4),
});
const claims = fc.record({ oid: guid.filter(Boolean), login: name.filter((one) => one.trim() !== '') });

/** How a version tells the object id of a user; undefined where it tells none that is sound. */
type ObjectIdOf = (user: User) => string | undefined;

const versions: readonly { readonly version: string; readonly objectIdOf: ObjectIdOf }[] = [
  { version: 'v5', objectIdOf: ({ id }) => ofUserId(id) },
  { version: 'v8', objectIdOf: ({ msid }) => (msid !== null && isGuid(msid) ? soundly(msid) : undefined) },
];

const directoriesOf = (objectIdOf: ObjectIdOf): fc.Arbitrary<Directory> =>
  fc
    .record({
      users: fc.array(users, { minLength: 1, maxLength: 6 }),
      filter: fc.constantFrom<Filter[]>('part', 'none', 'look-alikes'),
      pageSize: fc.constantFrom(250, 1, 2),
      claims,
      about: fc.constantFrom<About[]>('the first', 'the first', 'the first, called otherwise', 'anybody'),
    })
    .map(({ about, claims, ...directory }) => {
      const [user] = directory.users;
      return { ...directory, token: tokenOf(user, user && objectIdOf(user), about, claims) };
    });

function tokenOf(user: User | undefined, oid: string | undefined, about: About, otherwise: Token): Token {
  if (about === 'anybody' || user === undefined || oid === undefined) return otherwise;
  const isNamed = about === 'the first' && user.name.trim() !== '';
  return { oid, login: isNamed ? user.name : otherwise.login };
}

describe.each(versions)(
  'what is the own of a caller, whatever $version says of its users',
  ({ version, objectIdOf }) => {
    let upstream: ScriptedUpstream;
    let neighbours: Neighbours;
    let gateway: Gateway;
    let ownership: OwnershipService;

    beforeAll(async () => {
      upstream = await ScriptedUpstream.start(makeCertificate());
      neighbours = await startNeighbours();
      const environment = {
        VEEAM_URL: upstream.url,
        VEEAM_CERT_FINGERPRINT: upstream.certificate.fingerprint,
        VEEAM_API_VERSION: version,
        LOG_LEVEL: 'error',
      };
      const others = Object.entries(neighbours.environment).filter(([variable]) => variable !== 'VEEAM_CA_FILE');
      const { canary } = neighbours;
      gateway = await startGateway({ environment: Object.fromEntries(others), canary }, { environment });
      ownership = gateway.app.get(OwnershipService);
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await neighbours.close();
      await upstream.close();
    });

    const counted = { found: 0, none: 0, ambiguous: 0 };

    it(
      'is that of the one user with the object id of the token, and nothing where there is doubt',
      async () => {
        await tryProperty('ownership', fc.asyncProperty(directoriesOf(objectIdOf), tryOut));
        process.stdout.write(`${JSON.stringify(counted)}\n`);
        for (const times of Object.values(counted)) expect(times).toBeGreaterThan(0);
      },
      timeoutMs,
    );

    it('is nothing where one user is listed by two names', async () => {
      const [oid = ''] = guids;
      const [login = '', ...others] = names;
      const users = others.slice(1, 3).map((name) => ({ id: oid + ZEROS, msid: oid, name, oneDrives: 1 }));
      await tryOut({ users, filter: 'part', pageSize: 250, token: { oid, login } });
    });

    async function tryOut(directory: Directory): Promise<void> {
      const principal = await principalOf(directory.token);
      const place = { backupServer: 'default', organizationId: publish(directory) };
      const own = (await ownership.ownOneDrives(principal, place)).map(({ id }) => id);
      if (own.length > 0) counted.found++;
      else counted.none++;
      expect(own).toEqual(ownOf(directory));
    }

    /** Each time in an organization of its own: a gateway may remember what it has read. */
    function publish({ users, filter, pageSize }: Directory): string {
      const organization = randomUUID();
      const base = `/${version}/Organizations/${organization}/Users`;
      upstream.on(
        `GET ${base}`,
        paged(pageSize, (query) =>
          users.filter(({ name }) => fits(name, query.get('username') ?? query.get('userName'), filter)),
        ),
      );
      for (const user of users) {
        const listed = oneDrivesOf(user, users).map((id) => ({
          id,
          name: 'Kiki',
          url: 'https://contoso-my.sharepoint.com',
        }));
        upstream.on(
          `GET ${base}/${encodeURIComponent(user.id)}/OneDrives`,
          paged(pageSize, () => listed),
        );
      }
      return organization;
    }

    async function principalOf({ oid, login }: Token): Promise<Principal> {
      const { issuer: iss, audience: aud } = neighbours.sso;
      const iat = Math.floor(Date.now() / 1_000);
      const claims = { iss, aud, iat, exp: iat + 600, sub: 'kiki', oid, preferred_username: login };
      const token = await neighbours.sso.sign(claims);
      const authenticator = gateway.app.get(AccessTokenAuthenticator);
      return (await authenticator.authenticate(['authorization', `Bearer ${token}`])).principal;
    }

    /** A token that names one of several users with its object id means that one (docs/limits.md); any other doubt is a no. */
    function ownOf({ users, token }: Directory): readonly string[] {
      const theirs = users.filter((user) => objectIdOf(user) === token.oid.toLowerCase());
      const named = theirs.filter(({ name }) => isSameLogin(name, token.login));
      if (theirs.length > 1) counted.ambiguous++;
      const [only, ...others] = named.length > 0 ? named : theirs;
      if (only === undefined || others.length > 0) return [];
      const oneDrives = oneDrivesOf(only, users);
      return oneDrives.length <= 2 ? oneDrives : [];
    }
  },
);

/** Different ones for each user, as far as upstream can tell users apart. */
function oneDrivesOf({ id }: User, users: readonly User[]): string[] {
  const first = users.findIndex((user) => user.id === id);
  return Array.from({ length: users[first]?.oneDrives ?? 0 }, (_, number) => `onedrive-${first}-${number}`);
}

/** The first GUID of a user id that is two of them run together, perhaps with a SID behind. */
function ofUserId(id: string): string | undefined {
  const [first, second] = [id.slice(0, 36), id.slice(36, 72)];
  return isGuid(first) && isGuid(second) ? soundly(first) : undefined;
}

function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

/** Zeros stand for no id. */
function soundly(guid: string): string | undefined {
  return guid === ZEROS ? undefined : guid.toLowerCase();
}

/** Logins are the same but for the case of ASCII letters. */
function isSameLogin(one: string, other: string): boolean {
  const folded = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return folded(one) === folded(other);
}

function fits(name: string, asked: string | null, filter: Filter): boolean {
  if (asked === null || filter === 'none') return true;
  const folded = (text: string) => {
    const plain = text.toLowerCase();
    if (filter === 'part') return plain;
    return plain.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('\u0131', 'i').replaceAll('\u043A', 'k');
  };
  return folded(name).includes(folded(asked));
}

/** Pages as upstream cuts them, however many were asked for. */
function paged(most: number, list: (query: URLSearchParams) => readonly object[]): Respond {
  return (response, { url }) => {
    const { searchParams } = new URL(url, 'https://upstream');
    const offset = Number(searchParams.get('offset'));
    const limit = Math.min(Number(searchParams.get('limit')), most);
    const all = list(searchParams);
    const next = offset + limit < all.length ? { next: { href: `${url}&` } } : {};
    json(response, 200, {
      offset,
      limit,
      results: all.slice(offset, offset + limit),
      _links: { self: { href: url }, ...next },
    });
  };
}
