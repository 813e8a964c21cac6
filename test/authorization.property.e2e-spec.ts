import fc from 'fast-check';

import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { type Bearer, type Run, runsOf } from './authorization/arbitraries.js';
import { type Asked, organizationAt } from './authorization/asked.js';
import { House, type Trace } from './authorization/house.js';
import { Judge, type Surroundings, type Verdict } from './authorization/judge.js';
import { type Asker, askerOf, Backup } from './authorization/model.js';
import { type Request, Requests } from './authorization/requests.js';
import { type Answer, type Caller, operationIdOf } from './support/caller.js';
import { numRuns, timeoutMs, tryProperty } from './support/property.js';
import { actionRequests, changes, requests } from './support/upstream.js';

const [contoso, fabrikam] = makeOrganizations(new Date(), { oneDrives: 0 });
if (!contoso || !fabrikam) throw new Error('the sandbox has no organizations');
const organizations = [contoso, fabrikam];
const backup = new Backup(organizations);
/** Without the big OneDrive, which takes long to restore. */
const logins = ['alice', 'bob', 'hanna.hybrid', 'otto.onprem', 'laura.leaver', 'oscar', 'fred', 'greta'];
const people = organizations
  .flatMap(({ users }) => users)
  .filter(({ login }) => logins.includes(login.split('@')[0] ?? ''));
const surroundings: Surroundings = {
  backup,
  senders: [`restore@${contoso.name}`],
  recipientDomains: [contoso.name],
};

const levelOf = { folder: 'Folders', document: 'Documents' };

const runs = runsOf({ organizations: backup.names, people });

describe('whatever is asked by whomever', () => {
  let house: House;
  const counted = { permitted: 0, denied: 0, tempted: 0, items: 0, strays: 0 };
  const happened = new Map<string, number>();

  beforeAll(async () => {
    house = await House.open(backup);
  }, 60_000);
  // All that ten thousand runs have left is looked through for secrets.
  afterAll(() => house.close(), timeoutMs);

  it(
    'happens if it is permitted, and leaves no trace upstream if it is not',
    async () => {
      await tryProperty('authorization', fc.asyncProperty(runs, tryOut));
      const { permitted, denied, tempted, items, strays } = counted;
      process.stdout.write(
        `permitted ${permitted}, of these items ${items}; denied ${denied}, of these a mix of bindings ${tempted}, items of another OneDrive ${strays}\n`,
      );
      process.stdout.write(`reached upstream: ${JSON.stringify(Object.fromEntries(happened))}\n`);
      if (numRuns < 200) return;
      // Or all would be permitted, or nothing, and the property would hold of any gateway.
      expect(permitted / (permitted + denied)).toBeGreaterThan(0.1);
      expect(denied / (permitted + denied)).toBeGreaterThan(0.1);
      expect(Math.min(tempted, items, strays)).toBeGreaterThan(0);
      expect([...happened.keys()].sort()).toEqual(['copy', 'deviceCode', 'open', 'restore', 'save', 'send']);
    },
    timeoutMs,
  );

  async function tryOut({ bindings, bearer, asked }: Run): Promise<void> {
    await house.bind(bindings);
    const issuer = house.issuer(bearer.issuer);
    const known = bindings.map(({ issuer: name, ...binding }) => ({
      ...binding,
      issuer: name && house.issuer(name).url,
    }));
    const asker = askerOf(bearer.claims, issuer, known);
    const caller = await house.caller(bearer.issuer, bearer.claims);
    const sent = new Requests(house, bearer);
    house.control.clearReceived();

    const answered = await Promise.all(
      asked.map(async (one, number) => {
        const request = sent.of(one, number);
        return { one, request, answer: await send(caller, request) };
      }),
    );
    const traces = await house.tracesOf(answered.map(({ answer }) => answer));

    answered.forEach(({ one, request, answer }, number) => {
      const verdict = verdictOn(one, bearer, asker);
      expect({ asked: one, verdict, answer }).toMatchObject({ answer: { status: verdict.status } });
      count(verdict, one, bearer, asker);
      expectTrace(verdict, request, traces[number]);
      remember(verdict, answer, bearer);
      expectListed(verdict, answer);
    });
    answered.forEach(({ one, answer }) => {
      expectNothingOfOthers(one, answer, bearer);
    });
    for (const { one, answer } of answered) {
      if (verdictOn(one, bearer, asker).effect?.what === 'open')
        await stop(sent.stopping(one, answer.body.id as string), caller);
    }
  }

  function send(caller: Caller, { method, path, body }: Request): Promise<Answer> {
    return caller.call(method, path, body && JSON.stringify(body), { prefer: 'wait=10' });
  }

  function count({ status, reads }: Verdict, asked: Asked, { login }: Bearer, { temptingFor }: Asker): void {
    const part = 'part' in asked ? asked.part : undefined;
    if (status < 300 && reads === 'session') {
      counted.permitted++;
      if (part) counted.items++;
    }
    if (![401, 403, 404].includes(status)) return;
    counted.denied++;
    if (reads === 'session' && part?.items.some((item) => typeof item.in === 'object')) counted.strays++;
    const place = 'session' in asked && asked.session.of === 'caller' ? asked.session.in : undefined;
    if (place !== undefined && temptingFor.has(organizationAt(place, login, backup))) counted.tempted++;
  }

  function verdictOn(asked: Asked, { issuer, login }: Bearer, asker: Asker): Verdict {
    if (issuer === 'untrusted') return { status: 401, reads: 'nothing' };
    return new Judge(asker, login, surroundings).judge(asked);
  }

  function expectTrace({ effect, reads, record }: Verdict, { session }: Request, trace?: Trace): void {
    if (!trace) throw new Error('every answer has a trace');
    const { records } = trace;
    expect(records).toMatchObject(record ? [record] : []);
    const all = requests(trace);
    if (reads === 'nothing') expect(all).toEqual([]);
    if (reads === 'catalog') expect(all.filter((one) => /RestoreSessions/i.test(one))).toEqual([]);
    if (!effect) {
      expect(changes(trace)).toEqual([]);
      return;
    }
    happened.set(effect.what, (happened.get(effect.what) ?? 0) + 1);
    expect(changes(trace)).toHaveLength(1);
    switch (effect.what) {
      case 'open':
        expect(changes(trace)).toEqual([`POST /v5/Organizations/${backup.idOf(effect.organization)}/Action`]);
        return;
      case 'deviceCode':
        expect(changes(trace)).toEqual([
          `POST /v5/RestoreSessions/${session?.upstreamSid}/organization/restoreDeviceCode`,
        ]);
        return;
      case 'restore':
      case 'copy':
      case 'send':
      case 'save': {
        const { what, oneDriveId, part, targetId } = effect;
        const [only, ...others] = part?.ids ?? [];
        const levels = [
          oneDriveId,
          ...(part ? [levelOf[part.kind]] : []),
          ...(others.length === 0 && only ? [only] : []),
        ];
        const [sent, ...more] = actionRequests(trace);
        expect(more).toEqual([]);
        expect(sent).toMatchObject({
          path: `/v5/RestoreSessions/${session?.upstreamSid}/Organization/OneDrives/${levels.join('/')}/Action`,
          action: what,
          body: targetId === undefined ? {} : { copyTo: { oneDrive: { id: targetId } } },
        });
        expect(namedItems(sent?.body)).toEqual(others.length > 0 ? part?.ids : []);
      }
    }
  }

  function expectListed({ listed, decision }: Verdict, { body }: Answer): void {
    if (decision) expect(body).toMatchObject({ decision });
    if (!listed) return;
    const items = (body.items ?? body.results ?? body) as { id: string; name: string }[];
    const ids = items.map(({ id, name }) => (backup.names.includes(name) ? name : id));
    expect(ids.sort()).toEqual([...listed].sort());
  }

  function expectNothingOfOthers({ what }: Asked, { body }: Answer, { issuer, claims }: Bearer): void {
    if (what !== 'sessions' && what !== 'operations') return;
    const items = (body.items ?? []) as { id: string }[];
    expect(items.filter(({ id }) => !house.isOwn(id, issuer, claims.sub))).toEqual([]);
  }

  function remember({ effect }: Verdict, { headers, body }: Answer, { issuer, claims }: Bearer): void {
    if (!effect || effect.what === 'deviceCode') return;
    house.belongs(effect.what === 'open' ? (body.id as string) : operationIdOf(headers), issuer, claims.sub);
  }

  /** What was opened is stopped by whoever opened it, and sessions do not pile up. */
  async function stop(request: Request, caller: Caller): Promise<void> {
    house.control.clearReceived();
    const { status } = await send(caller, request);
    expect([200, 204]).toContain(status);
    expect(changes(house.control)).toEqual([
      expect.stringMatching(/^POST \/v5\/RestoreSessions\/[0-9a-f-]{36}\/Action$/),
    ]);
  }
});

/** The ids of the items that the body of an action names. */
function namedItems(body: unknown): string[] {
  type Named = Partial<Record<'folders' | 'documents', readonly { readonly id: string }[]>>;
  const [options] = Object.values(body as Record<string, Named | null>);
  return [...(options?.folders ?? []), ...(options?.documents ?? [])].map(({ id }) => id);
}
