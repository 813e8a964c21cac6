import fc from 'fast-check';

import type { AuditRecord } from '@app/audit';
import { ManualClock } from '@app/clock';

import { type AuditedWorld, by, contoso, fabrikam, startAuditedWorld } from './support/audited-world.js';
import { type Answer, type Caller, expectProblem } from './support/caller.js';

jest.setTimeout(60_000);

const route = '/api/v1/audit-records';
const HOUR = 3_600_000;

describe('the list of audit records', () => {
  let world: AuditedWorld;
  let clock: ManualClock;

  beforeAll(async () => {
    world = await startAuditedWorld();
  });
  beforeEach(async () => {
    clock = new ManualClock();
    await world.clear();
  });
  afterAll(() => world.close());

  /** The records that were there before anybody looked. */
  const written = ({ body }: Answer) =>
    (body.items as AuditRecord[]).filter(({ action }) => action !== 'readAuditRecords');
  const subjects = (answer: Answer) => written(answer).map(({ actor, action }) => actor?.subject ?? action);

  it('is newest first, and all that was recorded', async () => {
    const writer = world.startWriter(clock);
    const told = { ...by('alice'), operationId: '5c1a2b30-0000-4000-8000-00000000c001', reason: 'ticket 4711' };
    await writer.append(told);
    await clock.advance(HOUR);
    await writer.append({ ...by('bob'), policies: ['some-policy'], counts: { total: 2 }, detail: { more: [1] } });
    const { status, body } = await world.audrey.get(route);
    expect(status).toBe(200);
    const place = { id: expect.any(String), writer: writer.head().writer };
    expect(body.items.slice(1)).toEqual([
      {
        ...by('bob'),
        ...place,
        policies: ['some-policy'],
        counts: { total: 2 },
        detail: { more: [1] },
        time: '2026-01-15T13:00:00.000Z',
        seq: 2,
      },
      { ...told, ...place, time: '2026-01-15T12:00:00.000Z', seq: 1 },
    ]);
    expect(body).not.toHaveProperty('nextCursor');
  });

  it('is what the caller audits; what belongs to no organization is for who audits all', async () => {
    const writer = world.startWriter(clock);
    for (const [subject, organization] of [
      ['alice', contoso],
      ['fred', fabrikam],
      ['elsewhere', 'unknown.example'],
    ] as const) {
      await writer.append(by(subject, organization));
    }
    await writer.append({ action: 'service.started' });
    expect(subjects(await world.audrey.get(route))).toEqual(['service.started', 'fred', 'alice']);
    expect(subjects(await world.oscar.get(route))).toEqual(['alice']);
    expect(subjects(await world.audrey.get(`${route}?organization=${fabrikam}`))).toEqual(['fred']);
    expect(subjects(await world.oscar.get(`${route}?organization=Contoso.OnMicrosoft.com`))).toEqual(['alice']);
  });

  it.each(['', '/export'])('does not tell an organization of somebody else from none: %s', async (end) => {
    await world.startWriter(clock).append(by('fred', fabrikam));
    const [theirs, none] = [
      await world.oscar.get(`${route}${end}?organization=${fabrikam}`),
      await world.oscar.get(`${route}${end}?organization=nowhere.example`),
    ];
    expectProblem(theirs, 'not-found');
    expectProblem(none, 'not-found');
    expect({ ...theirs.body, requestId: '' }).toEqual({ ...none.body, requestId: '' });
    expect(await world.readings()).toMatchObject([
      { decision: 'deny', organization: fabrikam, policies: ['default-deny'] },
      { decision: 'deny', detail: { organization: 'nowhere.example' }, policies: ['default-deny'] },
    ]);
  });

  it('is chosen by each filter, and by all of them together', async () => {
    const writer = world.startWriter(clock);
    const operationId = '5c1a2b30-0000-4000-8000-00000000c001';
    await writer.append(by('alice'));
    await clock.advance(HOUR);
    await writer.append({ ...by('alice'), action: 'save', decision: 'deny' });
    await writer.append({ ...by('bob'), operationId });
    await clock.advance(HOUR);
    await writer.append({ ...by('bob'), actor: { issuer: 'https://other.example', subject: 'bob' } });
    const seqs = async (query: string) => written(await world.audrey.get(`${route}?${query}`)).map(({ seq }) => seq);
    expect(await seqs('from=2026-01-15T13:00:00Z&to=2026-01-15T14:00:00Z')).toEqual([3, 2]);
    expect(await seqs('to=2026-01-15T15:00:00%2B02:00')).toEqual([1]);
    expect(await seqs('action=save')).toEqual([2]);
    expect(await seqs('decision=deny')).toEqual([2]);
    expect(await seqs('actor=bob')).toEqual([4, 3]);
    expect(await seqs(`actor=bob&issuer=${encodeURIComponent('https://other.example')}`)).toEqual([4]);
    expect(await seqs(`operationId=${operationId}`)).toEqual([3]);
    expect(await seqs('actor=alice&action=save&decision=allow')).toEqual([]);
    expect((await world.readings()).at(-1)).toMatchObject({
      decision: 'allow',
      detail: { reading: 'list', actor: { subject: 'alice' }, action: 'save', decision: 'allow' },
    });
  });

  it.each([
    ['organization', 'organization=a%20b'],
    ['from', 'from=2026-01-15'],
    ['to', 'to=2026-02-30T00:00:00Z'],
    ['action', 'action=steal'],
    ['decision', 'decision=maybe'],
    ['actor', 'actor=a%00b'],
    ['actor', 'actor=a&actor=b'],
    ['issuer', 'issuer=https://sso.example'],
    ['operationId', 'operationId=4711'],
    ['limit', 'limit=1001'],
    ['cursor', 'cursor=abc'],
    ['subject', 'subject=alice'],
  ])('refuses a filter that is none: %s in %s', async (field, query) => {
    const answer = await world.audrey.get(`${route}?${query}`);
    expectProblem(answer, 'validation-failed');
    expect(answer.body.errors).toEqual([{ field, message: expect.any(String) }]);
    expect(await world.readings()).toEqual([]);
  });

  it('takes a cursor from the same caller, list and filters only', async () => {
    const writer = world.startWriter(clock);
    for (const subject of ['one', 'two', 'three']) await writer.append(by(subject));
    const filters = `actor=one`;
    const { body } = await world.audrey.get(`${route}?limit=1`);
    const follow = (caller: Caller, query: string) => caller.get(`${route}?limit=1&cursor=${body.nextCursor}${query}`);
    expect((await follow(world.audrey, '')).status).toBe(200);
    expectProblem(await follow(world.oscar, ''), 'validation-failed');
    expectProblem(await follow(world.audrey, `&${filters}`), 'validation-failed');
    expectProblem(await world.audrey.get(`/api/v1/operations?cursor=${body.nextCursor}`), 'validation-failed');
  });

  it('is complete and without duplicates, page by page, while it grows', async () => {
    const trails = [world.startWriter(clock), world.startWriter(clock), world.startWriter(clock)];
    const step = fc.record({ writer: fc.nat(2), ms: fc.constantFrom(-1, 0, 1) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(fc.array(step, { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 7 }),
        async (before, meanwhile, limit) => {
          await world.owner.query('truncate audit_records');
          // A clock that is set back as well: records of one time, and some out of the order of their chain.
          const write = async (steps: typeof before) => {
            for (const { writer, ms } of steps) {
              clock = Object.assign(clock, { time: clock.now() + ms });
              await trails[writer]?.append(by('somebody'));
            }
          };
          await write(before);
          const { rows } = await world.owner.query<{ id: string }>('select id from audit_records');
          const seen: string[] = [];
          let cursor: string | undefined;
          let pages = 0;
          do {
            const { body } = await world.audrey.get(
              `${route}?actor=somebody&limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
            );
            seen.push(...(body.items as AuditRecord[]).map(({ id }) => id));
            cursor = body.nextCursor;
            await write(meanwhile[pages++] ?? []);
          } while (cursor !== undefined);
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen).toEqual(expect.arrayContaining(rows.map(({ id }) => id)));
        },
      ),
      { numRuns: process.env.TEST_FULL ? 200 : 10 },
    );
  });

  it('is put on record each time it is read, with who read what', async () => {
    await world.startWriter(clock).append(by('alice'));
    const { headers } = await world.audrey.get(`${route}?limit=1`);
    await world.oscar.get(`${route}?to=2026-01-16T00:00:00Z`);
    expect(await world.readings()).toMatchObject([
      {
        decision: 'allow',
        policies: ['auditors-read-the-trail'],
        actor: { issuer: world.neighbours.sso.issuer, name: expect.any(String) },
        requestId: headers.get('x-request-id'),
        detail: { reading: 'list', organizations: [contoso, fabrikam] },
      },
      { organization: contoso, detail: { organizations: [contoso], to: '2026-01-16T00:00:00.000Z' } },
    ]);
    expect((await world.readings())[0]).not.toHaveProperty('organization');
  });

  it('is not read when that cannot be recorded', async () => {
    await world.startWriter(clock).append(by('alice'));
    world.proxy.goDown();
    const answers = [await world.audrey.get(route), await world.audrey.get(`${route}/export`)];
    world.proxy.comeBack();
    answers.forEach((answer) => {
      expectProblem(answer, 'store-unavailable');
    });
  });

  it('is read page by page without sorting what lies before', async () => {
    await world.fill(20_000);
    await world.owner.query('analyze audit_records');
    const planOf = async (condition: string) => {
      const { rows } = await world.owner.query<{ 'QUERY PLAN': string }>(
        `explain select text from audit_records where ${condition}
         and (time, writer, seq) < ('2026-01-15T12:00:05Z', '5c1a2b30-0000-4000-8000-00000000c001', 5000)
         order by time desc, writer desc, seq desc limit 100`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    };
    for (const condition of [
      `organization = '${fabrikam}'`,
      `(organization in ('${contoso}', '${fabrikam}') or organization is null)`,
      `(actor_subject = 'caller-3' or on_behalf_of_subject = 'caller-3')`,
    ]) {
      const plan = await planOf(condition);
      expect(plan).toMatch(/Index Scan Backward/);
      expect(plan).not.toMatch(/Sort|Seq Scan/);
    }
  });
});
