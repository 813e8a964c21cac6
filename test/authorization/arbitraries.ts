import fc from 'fast-check';

import type { User } from '../../apps/veeam-sandbox/src/world/organizations.js';
import {
  type Asked,
  type AskedInGeneral,
  type AskedOfOperation,
  type AskedOfSession,
  type AskedToAct,
  type AskedToBrowse,
  type AskedToOpen,
  type ItemAction,
  type ItemRef,
  type OneDriveRef,
  type OrganizationRef,
  type Part,
  type SessionRef,
  type Subject,
  type Place,
  subjects,
  type TargetRef,
  type Whose,
} from './asked.js';
import type { Binding, Claims } from './model.js';

/*
 * Few names for everything, so that random things meet as often as they miss. What comes first in a choice is what shrinking ends at.
 */

export const issuerNames = ['everywhere', 'contosoOnly', 'fabrikamOnly', 'untrusted'] as const;
export type IssuerName = (typeof issuerNames)[number];
export const trustedIssuers = issuerNames.slice(0, 3);

/** Somebody with a token. */
export interface Bearer {
  readonly issuer: IssuerName;
  /** Who the token is about, by the login upstream knows them by. */
  readonly login: string;
  readonly claims: Claims & { readonly sub: Subject };
}

type RunBinding = Omit<Binding, 'issuer'> & { readonly issuer?: IssuerName | undefined };

export interface Run {
  readonly bindings: readonly RunBinding[];
  readonly bearer: Bearer;
  /** Of the gateway all at once. */
  readonly asked: readonly Asked[];
}

export const MOST_ASKED = 5;

/** What the runs are about: the organizations, and people of them with and without OneDrives. */
export interface Cast {
  readonly organizations: readonly string[];
  readonly people: readonly User[];
}

const GROUP = 'restorers';
const TOKEN_ROLE = 'Restore.Operator';
const SCOPE = 'restore.all';
const NOBODYS_GUID = 'deadbeef-0000-4000-8000-000000000000';

function sometimes<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 5 * others.length, arbitrary: fc.constant(usual) },
    ...others.map((one) => fc.constant(one)),
  );
}

/** Values of the right name more often than not, and of names that look like it. */
function names(name: string): fc.Arbitrary<string[]> {
  const others = fc.subarray([name.toUpperCase(), `${name}s`, 'others']);
  return fc.tuple(sometimes([name], []), others).map((parts) => parts.flat());
}

const often: IssuerName[] = ['everywhere', 'everywhere', 'everywhere', 'everywhere'];

/** What a claim may be, from the person it is about and somebody else. */
type Claim = (person: User, other: User) => unknown;

function bearers({ people }: Cast): fc.Arbitrary<Bearer> {
  const person = fc.record<Record<string, Claim>>({
    client_id: fc.constant(() => 'desk'),
    oid: sometimes<Claim>(
      ({ objectId }) => objectId,
      ({ objectId }) => objectId?.toUpperCase(),
      (_, { objectId }) => objectId,
      () => NOBODYS_GUID,
      () => '00000000-0000-0000-0000-000000000000',
      ({ login }) => login,
      ({ objectId }) => `{${objectId}}`,
      () => undefined,
    ),
    preferred_username: logins(({ login }) => `x${login}`),
    email: logins(() => 'somebody@example.com'),
    email_verified: sometimes<Claim>(
      () => true,
      () => false,
      () => 'true',
    ),
  });
  const service = fc.record<Record<string, Claim>>({
    client_id: fc.constant(() => 'desk'),
    idtyp: sometimes<Claim>(
      () => 'app',
      () => undefined,
    ),
  });
  return fc
    .record({
      issuer: fc.constantFrom<IssuerName[]>(...issuerNames, ...trustedIssuers, ...trustedIssuers, ...often),
      subject: fc.constantFrom(...subjects),
      person: fc.constantFrom(...people),
      other: fc.constantFrom(...people),
      claims: fc.oneof({ weight: 4, arbitrary: person }, service),
      groups: names(GROUP),
      roles: names(TOKEN_ROLE),
      scopes: names(SCOPE),
    })
    .map(({ issuer, subject, person, other, claims, groups, roles, scopes }) => {
      const about = Object.entries(claims).map(([name, claim]) => [name, claim(person, other)] as const);
      const common = { sub: subject, groups, roles, scope: scopes.join(' ') };
      return { issuer, login: person.login, claims: { ...common, ...Object.fromEntries(about) } };
    });
}

function logins(odd: Claim): fc.Arbitrary<Claim> {
  return sometimes<Claim>(
    ({ login }) => login,
    ({ login }) => login.toUpperCase(),
    (_, { login }) => login,
    odd,
    () => undefined,
  );
}

function bindings({ organizations }: Cast): fc.Arbitrary<Run['bindings']> {
  const [contoso, fabrikam] = organizations;
  const mayName = (issuer: IssuerName, organization: string) =>
    organization !==
    { contosoOnly: fabrikam, fabrikamOnly: contoso, everywhere: undefined, untrusted: organization }[issuer];
  const condition = fc.constantFrom({ group: GROUP }, { tokenRole: TOKEN_ROLE }, { scope: SCOPE });
  const binding = fc
    .record({
      role: sometimes<Binding['role']>('operator', 'auditor'),
      organizations: fc.subarray([...organizations], { minLength: 1 }),
      issuer: sometimes<IssuerName | undefined>(undefined, ...trustedIssuers),
      conditions: fc.oneof({ weight: 2, arbitrary: fc.tuple(condition) }, fc.tuple(condition, condition)),
    })
    .map(({ conditions, ...rest }): RunBinding => Object.assign({}, rest, ...conditions))
    // What the YAML file may say: no binding names an organization that its issuer does not speak for.
    .filter(({ issuer, organizations: named }) => issuer === undefined || named.every((one) => mayName(issuer, one)));
  return fc.array(binding, { minLength: 1, maxLength: 4 });
}

const whose = sometimes<Whose>('caller', 'other subject', 'namesake at another issuer');
const written = fc.oneof(
  { weight: 12, arbitrary: fc.constant('as it is' as const) },
  fc.constant('in capitals' as const),
);

/** None of them ever was the id of anything. Dot segments alone would be resolved by the client already. */
const hostileIds = fc.constantFrom(
  NOBODYS_GUID,
  'null',
  '*',
  '%',
  'a/../b',
  '../../Organizations',
  "' or '1'='1",
  'a\u0000b',
  'a?b=c#d',
  '\u212A',
  'x'.repeat(300),
);

const places = sometimes<Place>('home', 'abroad');

function sessions(): fc.Arbitrary<SessionRef> {
  return fc.oneof(
    {
      weight: 15,
      arbitrary: fc.record({
        of: whose,
        in: places,
        state: fc.oneof({ weight: 10, arbitrary: fc.constant('open' as const) }, fc.constant('stopped' as const)),
      }),
    },
    fc.record({ of: fc.constant('nobody' as const), id: hostileIds }),
  );
}

function oneDrives({ people }: Cast): fc.Arbitrary<OneDriveRef> {
  const number = fc.nat(1);
  return fc.oneof(
    { weight: 12, arbitrary: fc.record({ of: fc.constant('caller' as const), number, written }) },
    {
      weight: 6,
      arbitrary: fc.record({
        of: fc.constant('somebody' as const),
        login: fc.constantFrom(...people.map(({ login }) => login)),
        number,
        written,
      }),
    },
    fc.record({ of: fc.constant('nobody' as const), id: hostileIds }),
  );
}

function parts(cast: Cast): fc.Arbitrary<Part | undefined> {
  const somewhere = fc.oneof({ weight: 6, arbitrary: fc.constant('there' as const) }, oneDrives(cast));
  const item: fc.Arbitrary<ItemRef> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ in: somewhere, number: fc.nat(1), written }) },
    fc.record({ in: fc.constant('nowhere' as const), id: hostileIds }),
  );
  const others = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(item, { minLength: 1, maxLength: 2 }));
  const items = fc.tuple(item, others).map(([first, others]): Part['items'] => [first, ...others]);
  return fc.oneof(fc.constant(undefined), fc.record<Part>({ kind: fc.constantFrom('document', 'folder'), items }));
}

function itemActions(cast: Cast): fc.Arbitrary<ItemAction> {
  const logins = cast.people.map(({ login }) => login);
  const target: fc.Arbitrary<TargetRef> = fc.oneof(
    { weight: 2, arbitrary: oneDrives(cast) },
    fc.record({ of: fc.constant('user' as const), login: fc.constantFrom(...logins) }),
  );
  const [organization = ''] = cast.organizations;
  return fc.oneof(
    { weight: 2, arbitrary: fc.record({ action: fc.constantFrom('restore' as const, 'save' as const) }) },
    fc.record({ action: fc.constant('copy' as const), target }),
    fc.record({
      action: fc.constant('send' as const),
      to: sometimes(`auditor@${organization}`, 'auditor@example.com', `auditor@${organization}.example.com`),
      from: sometimes<string | undefined>(undefined, `restore@${organization}`, ...logins),
    }),
  );
}

function asked(cast: Cast): fc.Arbitrary<Asked> {
  const surface = fc.constantFrom('v1' as const, 'v5' as const);
  const session = sessions();
  const oneDrive = oneDrives(cast);
  const act = itemActions(cast);
  const ofSession = fc.constantFrom('session', 'stop', 'onedrives', 'deviceCode', 'deviceCode', 'explainDeviceCode');
  const operation = fc.oneof({ weight: 6, arbitrary: whose }, fc.constant('nobody' as const));
  const organization: fc.Arbitrary<OrganizationRef> = fc.oneof(
    { weight: 10, arbitrary: fc.record({ at: places, written }) },
    fc.record({ id: hostileIds }),
  );
  const part = parts(cast);
  const single = part.map((some) => some && { ...some, items: [some.items[0]] as const });
  const toAct = fc.record<AskedToAct>({ surface, what: fc.constantFrom('act'), session, oneDrive, part, act });
  const toBrowse = fc.constantFrom<AskedToBrowse['what'][]>('browse', 'explainBrowse');
  const toExplain = fc.record<AskedToAct>({
    surface,
    what: fc.constantFrom('explain'),
    session,
    oneDrive,
    part: single,
    act,
  });
  return fc
    .oneof(
      { weight: 12, arbitrary: toAct },
      { weight: 2, arbitrary: toExplain },
      { weight: 2, arbitrary: fc.record<AskedToBrowse>({ surface, what: toBrowse, session, oneDrive, part: single }) },
      fc.record<AskedToOpen>({ surface, what: fc.constant('open'), organization }),
      { weight: 3, arbitrary: fc.record<AskedOfSession>({ surface, what: ofSession, session }) },
      fc.record<AskedInGeneral>({ surface, what: fc.constantFrom('organizations', 'sessions', 'operations') }),
      fc.record<AskedOfOperation>({ surface, what: fc.constantFrom('operation', 'cancel'), of: operation }),
    )
    .filter((one) => one.what !== 'stop' || one.session.of !== 'caller' || one.session.state === 'stopped')
    .map((one) => (isForV1Only(one) ? { ...one, surface: 'v1' as const } : one));
}

/** On the v5 routes there are OneDrives as a whole, and targets by id. */
function isForV1Only(one: Asked): boolean {
  if ('part' in one && one.part !== undefined) return true;
  return one.what === 'act' && one.act.action === 'copy' && one.act.target.of === 'user';
}

export function runsOf(cast: Cast): fc.Arbitrary<Run> {
  return fc.record({
    bindings: bindings(cast),
    bearer: bearers(cast),
    asked: fc.array(asked(cast), { minLength: 1, maxLength: MOST_ASKED, size: 'max' }),
  });
}
