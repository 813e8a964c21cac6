import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Principal } from '@app/identity';
import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs';

import { alice, CONTOSO, helpdeskApp, oscar } from '../spec-support/callers.js';
import { type Asked, type Circumstances, question } from '../spec-support/questions.js';
import { defaultPolicyFolder, PolicyEngine, type PolicyQuestion, readPolicyFiles } from './index.js';

const page = readFileSync(join(__dirname, '../../../docs/policy.md'), 'utf8');
const { schemaText, policies: defaults } = readPolicyFiles(defaultPolicyFolder());

/** The policies of the page by the number of their heading. */
const blocks = new Map(
  [...page.matchAll(/^### (\d+)\. .*?```cedar\n(.*?)```/gms)].map(([, number, text = '']) => [Number(number), text]),
);

const defaultsAnd = (text: string) =>
  PolicyEngine.load({ schemaText, policies: [...defaults, { name: 'worked.cedar', text }] });

type Over = Partial<Omit<Circumstances, 'principal'>>;

/** A question, with what the support code leaves out laid over its context. */
function asked(action: Asked, principal: Principal, over: Over = {}, context: object = {}): PolicyQuestion {
  const plain = question(action, principal, over);
  return { ...plain, context: { ...plain.context, ...context } } as PolicyQuestion;
}

const forBob = { onBehalfOf: 'bob@contoso.onmicrosoft.com' };
const own: Over = { oneDriveId: 'own', ownOneDrives: ['own'] };
const at = (time: string) => ({ time: new Date(time) });
const into = (id: string): Over => ({ target: { type: 'OneDrive', id, organization: CONTOSO } });
const contractor = { ...oscar, groups: ['contractors'] };
const boardDesk = { ...oscar, groups: ['restore-operators-board'] };
const forAlice = (clientId?: string): Principal => ({
  ...alice,
  actor: { issuer: alice.issuer, subject: 'somebody', clientId },
});
const inPortal = { ...alice, clientId: 'restore-portal' };
const withoutClient = { ...alice, clientId: undefined };

/** The deciding policy of a deny is named; what is allowed is so with the worked policy in force. */
const table: [number, policy: string, denied: PolicyQuestion[], allowed: PolicyQuestion[]][] = [
  [
    1,
    'emergency-stop',
    [
      asked('save', alice, own),
      asked('restore', oscar),
      asked('openRestoreSession', oscar),
      asked('requestDeviceCode', oscar),
    ],
    [asked('browse', alice, own), asked('readOperations', oscar)],
  ],
  [
    2,
    'operators-name-a-ticket',
    [asked('save', oscar), asked('restore', helpdeskApp, { reason: 'because', reasonAccepted: false })],
    [
      asked('save', oscar, { reason: 'INC-4711', reasonAccepted: true }),
      asked('save', alice, own),
      asked('browse', oscar),
    ],
  ],
  [
    3,
    'operators-work-in-business-hours',
    [
      asked('restore', oscar, {}, at('2026-01-15T06:59:59.999Z')),
      asked('restore', oscar, {}, at('2026-01-15T19:00:00Z')),
    ],
    [
      asked('restore', oscar, {}, at('2026-01-15T07:00:00Z')),
      asked('restore', oscar, {}, at('2026-01-15T18:59:59.999Z')),
      asked('restore', alice, own, at('2026-01-15T03:00:00Z')),
    ],
  ],
  [
    4,
    'contractors-until-2027',
    [
      asked('browse', contractor, {}, at('2027-01-01T00:00:00Z')),
      asked('useRestoreSession', contractor, {}, at('2027-06-01T00:00:00Z')),
    ],
    [
      asked('browse', contractor, {}, at('2026-12-31T23:59:59Z')),
      asked('browse', oscar, {}, at('2027-06-01T00:00:00Z')),
    ],
  ],
  [
    5,
    'approved-applications-only',
    [asked('save', alice, own), asked('save', withoutClient, own), asked('listOrganizations', alice)],
    [asked('save', inPortal, own), asked('listOrganizations', inPortal)],
  ],
  [
    6,
    'operators-take-nothing-out',
    [asked('save', oscar), asked('send', oscar, { senderAllowed: true, recipientAllowed: true })],
    [asked('restore', oscar), asked('copy', oscar), asked('save', alice, own), asked('save', oscar, own)],
  ],
  [
    6,
    'operators-copy-nothing-to-themselves',
    [asked('copy', oscar, { oneDriveId: 'of-bob', ownOneDrives: ['own'], ...into('own') })],
    [
      asked('copy', oscar, { oneDriveId: 'of-bob', ownOneDrives: ['own'], ...into('of-alice') }),
      asked('copy', oscar, { ...own, ...into('own') }),
      asked('copy', oscar, { ...own, ...into('of-bob') }),
    ],
  ],
  [
    7,
    'self-service-does-not-overwrite',
    [asked('restore', alice, own, { documentAction: 'overwrite' })],
    [asked('restore', alice, own), asked('restore', oscar, {}, { documentAction: 'overwrite' })],
  ],
  [
    8,
    'legal-hold-on-restores',
    [
      asked('restore', oscar, { oneDriveId: 'id-of-a-onedrive' }),
      asked('restore', alice, { oneDriveId: 'id-of-another', ownOneDrives: ['id-of-another'] }),
    ],
    [asked('restore', oscar), asked('save', oscar, { oneDriveId: 'id-of-a-onedrive' })],
  ],
  [
    8,
    'legal-hold-on-copies',
    [asked('copy', oscar, into('id-of-another'))],
    [asked('copy', oscar, { oneDriveId: 'id-of-another', ...into('elsewhere') })],
  ],
  [
    9,
    'board-is-for-a-few',
    [
      asked('browse', oscar, { oneDriveId: 'id-of-the-chair' }),
      asked('save', oscar, { oneDriveId: 'id-of-the-treasurer' }),
    ],
    [
      asked('save', boardDesk, { oneDriveId: 'id-of-the-chair' }),
      asked('save', alice, { oneDriveId: 'id-of-the-chair', ownOneDrives: ['id-of-the-chair'] }),
      asked('save', oscar),
      asked('browse organization', oscar),
    ],
  ],
  [
    9,
    'board-gets-copies-from-a-few',
    [
      asked('copy', oscar, into('id-of-the-chair')),
      asked('copy', oscar, { ...own, ...into('id-of-the-treasurer') }, { documentAction: 'overwrite' }),
    ],
    [
      asked('copy', boardDesk, into('id-of-the-chair')),
      asked('copy', oscar, { ...own, ownOneDrives: ['own', 'id-of-the-chair'], ...into('id-of-the-chair') }),
      asked('copy', oscar, into('elsewhere')),
    ],
  ],
  [
    10,
    'default-deny',
    [
      asked('copy', alice, { ...own, ...into('of-bob') }),
      asked('copy', alice, { oneDriveId: 'of-bob', ownOneDrives: ['own'], ...into('own') }),
      asked('copy', alice, { ...own, ...into('own') }, { restorePermissions: true }),
    ],
    [asked('copy', alice, { ...own, ...into('own') })],
  ],
  [
    11,
    'help-desk-acts-for-others',
    [asked('save', forAlice('another-app'), own), asked('listOrganizations', forAlice())],
    [asked('save', forAlice('helpdesk-app'), own), asked('save', alice, own), asked('restore', helpdeskApp)],
  ],
  [
    12,
    'services-say-for-whom-and-why',
    [
      asked('restore', helpdeskApp),
      asked('restore', helpdeskApp, { reason: 'INC-4711' }),
      asked('openRestoreSession', helpdeskApp, {}, forBob),
      asked('save', helpdeskApp, { reason: 'because', reasonAccepted: false }, forBob),
    ],
    [
      asked('restore', helpdeskApp, { reason: 'INC-4711' }, forBob),
      asked('openRestoreSession', helpdeskApp, { reason: 'INC-4711' }, forBob),
      asked('browse', helpdeskApp),
      asked('restore', oscar),
      asked('save', alice, own),
    ],
  ],
];

describe('the worked policies of docs/policy.md', () => {
  it('are ten and more, and each is tested here', () => {
    expect(blocks.size).toBeGreaterThan(10);
    expect([...new Set(table.map(([number]) => number))]).toEqual([...blocks.keys()]);
    const ids = [...page.matchAll(/^@id\("(.*?)"\)/gm)].map(([, id]) => id);
    // One is a permit: without it, the defaults deny what it allows.
    const named = ids.map((id) => (id === 'people-copy-into-own' ? 'default-deny' : id));
    expect(table.map(([, policy]) => policy)).toEqual(named);
  });

  it.each(table)('%i. deny by %s and allow the rest', (number, policy, denied, allowed) => {
    const engine = defaultsAnd(blocks.get(number) ?? '');
    for (const one of denied) {
      expect(engine.decide(one)).toEqual({ allowed: false, policies: [policy], errors: [] });
    }
    for (const one of allowed) {
      expect(engine.decide(one)).toMatchObject({ allowed: true, errors: [] });
    }
  });

  it.each(table)(
    '%i. make the difference: without %s the defaults decide otherwise',
    (_number, policy, denied, allowed) => {
      const engine = PolicyEngine.load({ schemaText, policies: defaults });
      const changed = policy === 'default-deny' ? allowed : denied;
      for (const one of changed) expect(engine.decide(one).allowed).toBe(policy !== 'default-deny');
    },
  );

  it('stop at the guard where nothing of the thing matters', () => {
    const stopped = defaultsAnd(blocks.get(1) ?? '');
    expect(stopped.firstStage(oscar, 'restore').allowed).toBe(false);
    expect(stopped.firstStage(oscar, 'browse').allowed).toBe(true);
    expect(defaultsAnd(blocks.get(5) ?? '').firstStage(alice, 'save').allowed).toBe(false);
    expect(PolicyEngine.load({ schemaText, policies: defaults }).firstStage(alice, 'copy').allowed).toBe(false);
    expect(defaultsAnd(blocks.get(10) ?? '').firstStage(alice, 'copy').allowed).toBe(true);
  });
});

describe('docs/policy.md', () => {
  const rows = (heading: string) => {
    const section = page.split(heading)[1]?.split(/^##/m)[0] ?? '';
    const cells = [...section.matchAll(/^\|(.*)\|$/gm)].map(([, row = '']) =>
      row.split('|').map((cell) => cell.trim()),
    );
    return cells.slice(2);
  };
  const named = (text = '') => [...text.matchAll(/`(.*?)`/g)].map(([, name]) => name);

  const schema = schemaToJson(schemaText);
  if (schema.type !== 'success') throw new Error('the schema cannot be read');
  const { entityTypes, actions, commonTypes = {} } = schema.json[''] ?? { entityTypes: {}, actions: {} };

  const attributesOf = (shape: unknown): string[] => {
    const { attributes = {} } = shape as { attributes?: Record<string, { required?: boolean }> };
    return Object.entries(attributes).map(([name, { required }]) => (required === false ? `${name}?` : name));
  };

  it('explains every attribute of a caller as the schema has it', () => {
    const shape = (entityTypes.Caller as { shape: unknown }).shape;
    expect(
      rows('### Who: `Caller`')
        .map(([name]) => named(name)[0])
        .sort(),
    ).toEqual(attributesOf(shape).sort());
  });

  it('explains every action with its resources and its context as the schema has them', () => {
    const told = rows('### Actions and their context').map(([action, on, context]) => [
      ...named(action),
      named(on).sort(),
      named(context).sort(),
    ]);
    const real = Object.entries(actions)
      .filter(([, { appliesTo }]) => appliesTo?.context)
      .map(([action, { appliesTo }]) => {
        const { type } = appliesTo?.context as { type: string };
        return [action, [...(appliesTo?.resourceTypes ?? [])].sort(), attributesOf(commonTypes[type]).sort()];
      });
    expect(told.sort()).toEqual(real.sort());
  });

  it('lists every default policy and no other', () => {
    const engine = PolicyEngine.load({ schemaText, policies: defaults });
    expect(
      rows('## The default policies')
        .map(([id]) => named(id)[0])
        .sort(),
    ).toEqual(engine.policyIds);
  });
});
