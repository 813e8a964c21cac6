import { AnswerCheck, type Contract, type Operation } from '../spec-support/answer-check.js';
import { compare } from '../spec-support/contradictions.js';
import type { Schema } from '../spec-support/json-schema.js';
import { SandboxClient } from '../spec-support/sandbox-client.js';
import { vendorDocumentOf } from '../spec-support/vendor-document.js';
import { wireSchemasOf } from '../spec-support/wire-schemas/operations.js';
import { contoso } from './people.js';
import { isSince, verbVersions, type VerbVersion } from './verbs/verb-version.js';

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For tenants, for restore operators, and for setting VB365 up: the gateway does not use them. */
const oneDrive = 'RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}';
const leftOutOperations: readonly (readonly [VerbVersion, readonly string[]])[] = [
  ['v6', ['POST DeviceCode', 'POST Organizations/{organizationId}/DeviceCode']],
  ['v6', ['POST Organization/Explore', 'POST Organization/OperatorExplore']],
  ['v6', [`POST ${oneDrive}/Documents/operatorRestore`]],
  ['v7', ['POST token/AuthCode']],
  ['v8', ['POST VeodEmailSettings/PrepareOAuthSignIn', 'POST VeodEmailSettings/CompleteOAuthSignIn']],
  ['v8', ['POST VespEmailSettings/PrepareOAuthSignIn', 'POST VespEmailSettings/CompleteOAuthSignIn']],
];

/** Of Exchange, SharePoint and Teams, of how an organization was added, or of one kind of answer under a common name. */
const leftOutMembers: readonly (readonly [VerbVersion, readonly string[]])[] = [
  ['v6', ['isTeamsChatsOnline', 'isExchange', 'exchangeSettings', 'exchangeOnlineSettings']],
  ['v6', ['isSharepoint', 'sharepointSettings', 'sharePointOnlineSettings', 'type', 'title']],
  ['v6', ['configureApplication', 'newApplicationName', 'userCode', '_actions']],
  ['v6', ['inheritedPermissions', 'sizeBytes', 'setId', 'source']],
  ['v8', ['userId', 'groupId', 'siteId', 'teamId']],
  ['v8', ['clientId', 'tenantId']],
];

const until = (version: VerbVersion, table: readonly (readonly [VerbVersion, readonly string[]])[]): string[] =>
  table.flatMap(([first, names]) => (isSince({ version }, first) ? names : [])).sort();

/** Every answer that a spec gets is checked by its client, for every operation in the spec of our own schemas; here the checking is. */
describe.each(verbVersions)('the vendor document of %s', (version) => {
  const document = vendorDocumentOf(version);
  const itWhenHere = document ? it : it.skip;
  if (!document) report(`openapi-${version}: SKIPPED, the document is not here`);
  const ours = wireSchemasOf(version);

  itWhenHere('is not contradicted by our own schemas, which leave out what they say', () => {
    const compared = document && compare(ours, document);
    expect(compared?.contradictions).toEqual([]);
    expect(compared?.leftOut).toEqual({
      operations: until(version, leftOutOperations),
      members: until(version, leftOutMembers),
    });
    report(
      `openapi-${version}: ${compared?.operations} operations and ${compared?.members} members compared with our own`,
    );
  });
});

describe('the check against the document of v8', () => {
  const document = vendorDocumentOf('v8');
  const itWhenHere = document ? it : it.skip;
  const check = (answer: object) =>
    document && new AnswerCheck(document).check({ ...answered, path, json: session, ...answer });

  const answered = {
    method: 'GET',
    sent: undefined,
    status: 200,
    contentType: 'application/json; charset=utf-8',
    hasBody: true,
  };
  const session = {
    id: contoso.id,
    type: 'Veod',
    creationTime: '2026-01-02T03:04:05.0000000+00:00',
    state: 'Working',
    result: 'Success',
  };
  const path = `/v8/RestoreSessions/${contoso.id}`;

  itWhenHere('finds nothing in an answer as documented', () => {
    expect(check({})).toEqual([]);
    const statistics = { totalItemsCount: 1, restoredItemsCount: 1, failedItemsCount: 0, skippedItemsCount: 0 };
    const item = { id: 'x', itemRestoreDetailsType: 'Item', name: 'x', itemType: 'OneDriveItem', status: 'Success' };
    const one = (items: object[]) => check({ path: `${path}/Statistics`, json: { ...statistics, items } });
    expect(one([item])).toEqual([]);
    expect(one([{ ...item, childItems: [] }])).toHaveLength(1);
    expect(one([{ ...item, itemRestoreDetailsType: 'BulkOneDrive' }])).not.toEqual([]);
  });

  itWhenHere.each([
    ['a missing member', { json: { ...session, id: undefined } }, /\.id: missing/],
    ['a misspelt member', { json: { ...session, State: 'Working' } }, /\.State: not in the schema/],
    ['another case of an enumeration', { json: { ...session, state: 'working' } }, /enumeration/],
    ['a null', { json: { ...session, name: null } }, /null/],
    ['an id that is none', { json: { ...session, id: '12' } }, /not uuid/],
    ['a time without a zone', { json: { ...session, creationTime: '2026-01-02T03:04:05' } }, /not date-time/],
    ['a number as text', { json: { ...session, eTag: '1' } }, /not int64/],
    ['another status', { status: 202 }, /202/],
    ['no body', { json: undefined, hasBody: false }, /not an object/],
    ['a body of a 204', { method: 'POST', path: `${path}/Stop`, status: 204, json: {} }, /body/],
    ['a failure of another shape', { status: 500, json: { error: 'x' } }, /not in the schema/],
    ['a route that is not there', { path: '/v8/Nonsense', json: {} }, /unknown/],
  ])('finds %s', (_name, departing, message) => {
    expect(check(departing)?.join('\n')).toMatch(message);
  });

  itWhenHere('stops a spec whose sandbox departs from it', async () => {
    const client = await SandboxClient.start();
    await client.logIn('v8');
    client.sandbox.control.addFault({
      match: { route: 'Organizations', version: 'v8' },
      fault: { kind: 'answer', status: 200, body: [{ name: contoso.name }] },
    });
    await expect(client.get('/v8/Organizations')).rejects.toThrow(/GET \/v8\/Organizations: body: not an object/);
    expect((await client.get('/v8/Organizations')).status).toBe(200);
    await client.close();
  });
});

describe('the comparison of our own schemas with a document', () => {
  const thing = {
    type: 'object',
    required: ['id', 'state'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      state: { type: 'string', enum: ['Working', 'Stopped'] },
      count: { type: 'integer', format: 'int32' },
      note: { type: 'string' },
      secret: { type: 'string', writeOnly: true },
    },
  } satisfies Schema;
  const { id, state, count, note } = thing.properties;
  const contract = (operation: Operation): Contract => ({
    title: 'made up',
    version: 'v9',
    operations: [operation],
    schemas: { Thing: thing },
    refusalOf: (status) => (status === 500 ? [{ type: 'object', properties: { message: note } }] : undefined),
  });
  const operation = (schema: Schema, facts: Partial<Operation> = {}): Operation => ({
    method: 'GET',
    pattern: 'Things',
    answers: { 200: [{ type: 'array', items: schema }] },
    ...facts,
  });
  const theirs = contract(operation({ $ref: '#/components/schemas/Thing' }));
  const ours = (properties: Record<string, Schema>): Schema => ({
    type: 'object',
    required: ['id', 'state'],
    properties,
  });
  const contradictionsOf = (own: Operation) => compare(contract(own), theirs).contradictions;

  it('has nothing against narrower ones, and tells what they leave out', () => {
    const narrower = operation(ours({ id, state: { ...state, enum: ['Working'] }, note: { ...note, pattern: '^x' } }));
    expect(compare(contract(narrower), theirs)).toEqual({
      contradictions: [],
      operations: 1,
      members: 4,
      leftOut: { operations: [], members: ['count', 'secret'] },
    });
    const elsewhere = contract({ ...narrower, method: 'PUT' });
    expect(compare(elsewhere, theirs).leftOut.operations).toEqual(['GET Things']);
  });

  it.each<[string, Operation, string]>([
    ['another path', operation(thing, { pattern: 'things' }), 'GET /v9/things: unknown to the vendor'],
    ['another method', operation(thing, { method: 'PUT' }), 'PUT /v9/Things: unknown to the vendor'],
    ['another status', operation(thing, { answers: { 201: [thing] } }), 'GET /v9/Things: answered with 201, not 200'],
    ['no body', operation(thing, { answers: { 200: ['nothing'] } }), 'GET /v9/Things: body: nothing, not JSON'],
    ['no array', operation(thing, { answers: { 200: [thing] } }), 'GET /v9/Things: body: object, not array'],
  ])('names %s', (_name, own, contradiction) => {
    expect(contradictionsOf(own)).toEqual([contradiction]);
  });

  it.each<[string, Schema, string]>([
    ['a member', ours({ id, state, other: note }), '.other: unknown to the vendor'],
    ['another spelling', ours({ id, state, Note: note }), '.Note: unknown to the vendor'],
    ['another type', ours({ id, state, note: count }), '.note: integer, not string'],
    ['another format', ours({ id, state, count: { ...count, format: 'int64' } }), '.count: int64, not int32'],
    ['any text for an id', ours({ id: note, state }), '.id: any string, not uuid'],
    [
      'another value',
      ours({ id, state: { ...state, enum: ['Working', 'stopped'] } }),
      '.state: stopped is not of the enumeration',
    ],
    ['any text for a value', ours({ id, state: note }), '.state: any text is not of the enumeration'],
    ['a null', ours({ id, state, note: { ...note, nullable: true } }), '.note: may not be null'],
    ['a member of requests', ours({ id, state, secret: note }), '.secret: is for requests only'],
    ['less that must be there', { ...ours({ id, state }), required: ['id'] }, '.state: may not be missing'],
  ])('names %s', (_name, own, contradiction) => {
    expect(contradictionsOf(operation(own))).toEqual([`GET /v9/Things: body[]${contradiction}`]);
  });

  it('looks at what says no', () => {
    const own = {
      ...contract(operation(ours({ id, state }))),
      refusalOf: () => [{ type: 'object', properties: { text: note } }],
    };
    expect(compare(own, theirs).contradictions).toEqual(['500: body.text: unknown to the vendor']);
  });
});
