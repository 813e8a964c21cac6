import { randomUUID } from 'node:crypto';

import fc from 'fast-check';

import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { type Bearer, type Run, runsOf } from './authorization/arbitraries.js';
import {
  type Asked,
  type AskedInSession,
  type AskedToOpen,
  type ItemAction,
  oneDriveIdOf,
  organizationAt,
  type SessionRef,
} from './authorization/asked.js';
import { House, type KnownSession } from './authorization/house.js';
import { Judge, type Surroundings, type Verdict } from './authorization/judge.js';
import { type Asker, askerOf, Backup } from './authorization/model.js';
import type { Answer, Caller } from './support/caller.js';
import { numRuns, tryProperty } from './support/property.js';
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

const runs = runsOf({ organizations: backup.names, people });

describe('whatever is asked by whomever', () => {
  let house: House;
  const counted = { permitted: 0, denied: 0, tempted: 0 };
  const happened = new Map<string, number>();

  beforeAll(async () => {
    house = await House.open(backup);
  }, 60_000);
  afterAll(() => house.close());

  it(
    'happens if it is permitted, and leaves no trace upstream if it is not',
    async () => {
      await tryProperty('authorization', fc.asyncProperty(runs, tryOut));
      const { permitted, denied, tempted } = counted;
      process.stdout.write(`permitted ${permitted}, denied ${denied}, of these a mix of bindings ${tempted}\n`);
      process.stdout.write(`reached upstream: ${JSON.stringify(Object.fromEntries(happened))}\n`);
      if (numRuns < 200) return;
      // Or all would be permitted, or nothing, and the property would hold of any gateway.
      expect(permitted / (permitted + denied)).toBeGreaterThan(0.1);
      expect(denied / (permitted + denied)).toBeGreaterThan(0.1);
      expect(tempted).toBeGreaterThan(0);
      expect([...happened.keys()].sort()).toEqual(['copy', 'deviceCode', 'open', 'restore', 'save', 'send']);
    },
    numRuns * 1_000,
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
    for (const one of asked) await ask(one, bearer, asker, caller);
  }

  async function ask(asked: Asked, bearer: Bearer, asker: Asker, caller: Caller): Promise<void> {
    const request = requestOf(asked, bearer);
    house.control.clearReceived();
    const answer = await caller.call(request.method, request.path, request.body && JSON.stringify(request.body), {
      prefer: 'wait=10',
    });
    const verdicts = verdictsOn(asked, bearer, asker);
    const verdict = verdicts.find((one) => isAnswered(one, answer)) ?? verdicts[0];
    if (!verdict) throw new Error('there is always a verdict');
    expect({ asked, verdicts, answer }).toMatchObject({
      asked,
      verdicts,
      answer: { status: isAnswered(verdict, answer) ? answer.status : verdict.status },
    });
    count(verdict, asked, bearer, asker);
    expectUpstream(verdict, request.session);
    await expectRecord(verdict, answer);
    expectListed(verdict, answer);
    expectNothingOfOthers(asked, answer, bearer);
    if (verdict.effect?.what === 'open') await stop(asked, answer, caller);
  }

  function count({ status, reads }: Verdict, asked: Asked, { login }: Bearer, { temptingFor }: Asker): void {
    if (status < 300 && reads === 'session') counted.permitted++;
    if (![401, 403, 404].includes(status)) return;
    counted.denied++;
    const place = 'session' in asked && asked.session.of === 'caller' ? asked.session.in : undefined;
    if (place !== undefined && temptingFor.has(organizationAt(place, login, backup))) counted.tempted++;
  }

  /** Two where the token calls the person otherwise than upstream does: then what is their own may be theirs or not. */
  function verdictsOn(asked: Asked, { issuer, login }: Bearer, asker: Asker): Verdict[] {
    if (issuer === 'untrusted') return [{ status: 401, reads: 'nothing' }];
    const own = (organization: string) => backup.own(asker, organization);
    const certain = (organization: string) => (backup.isCalledAsKnown(asker, organization) ? own(organization) : []);
    return [certain, own].map((known) => new Judge(asker, login, known, surroundings).judge(asked));
  }

  function expectUpstream({ effect, reads }: Verdict, session?: KnownSession): void {
    const { control } = house;
    const sent = requests(control);
    if (reads === 'nothing') expect(sent).toEqual([]);
    if (reads === 'catalog') expect(sent.filter((one) => /RestoreSessions/i.test(one))).toEqual([]);
    if (!effect) {
      expect(changes(control)).toEqual([]);
      expect(control.actions()).toEqual([]);
      return;
    }
    happened.set(effect.what, (happened.get(effect.what) ?? 0) + 1);
    expect(changes(control)).toHaveLength(1);
    switch (effect.what) {
      case 'open':
        expect(changes(control)).toEqual([`POST /v5/Organizations/${backup.idOf(effect.organization)}/Action`]);
        return;
      case 'deviceCode':
        expect(changes(control)).toEqual([
          `POST /v5/RestoreSessions/${session?.upstreamSid}/organization/restoreDeviceCode`,
        ]);
        return;
      case 'restore':
      case 'copy':
      case 'send':
      case 'save':
        // Upstream may have its own reasons not to do it, such as that the owner has left.
        expect(actionRequests(control)).toMatchObject([
          {
            path: `/v5/RestoreSessions/${session?.upstreamSid}/Organization/OneDrives/${effect.oneDriveId}/Action`,
            action: effect.what,
            body: effect.targetId === undefined ? {} : { copyTo: { oneDrive: { id: effect.targetId } } },
          },
        ]);
    }
  }

  async function expectRecord({ status, record }: Verdict, { headers }: Answer): Promise<void> {
    const records = (await house.newRecords()).filter(
      ({ requestId, decision }) => requestId === headers.get('x-request-id') && decision !== undefined,
    );
    if (record) expect(records).toMatchObject([record]);
    else if (status === 401) expect(records).toEqual([]);
    else expect(records.filter(({ decision }) => decision === 'allow')).toEqual([]);
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
    expect(items.filter(({ id }) => house.isSomebodyElses(id, issuer, claims.sub))).toEqual([]);
  }

  /** What was opened is stopped by whoever opened it, and sessions do not pile up. */
  async function stop({ surface }: Asked, { body }: Answer, caller: Caller): Promise<void> {
    house.control.clearReceived();
    const id = body.id as string;
    const stopped =
      surface === 'v5'
        ? await caller.post(`/v5/RestoreSessions/${id}/Action`, { stop: null })
        : await caller.delete(`/api/v1/restore-sessions/${id}`);
    expect(stopped.status).toBe(surface === 'v5' ? 200 : 204);
    expect(changes(house.control)).toEqual([
      expect.stringMatching(/^POST \/v5\/RestoreSessions\/[0-9a-f-]{36}\/Action$/),
    ]);
  }

  interface Request {
    readonly method: string;
    readonly path: string;
    readonly body?: object | undefined;
    readonly session?: KnownSession | undefined;
  }

  function requestOf(asked: Asked, bearer: Bearer): Request {
    const isV5 = asked.surface === 'v5';
    switch (asked.what) {
      case 'organizations':
        return { method: 'GET', path: isV5 ? '/v5/Organizations' : '/api/v1/organizations' };
      case 'sessions':
        return { method: 'GET', path: '/api/v1/restore-sessions' };
      case 'operations':
        return { method: 'GET', path: '/api/v1/operations' };
      case 'operation':
      case 'cancel': {
        const { issuer, claims } = bearer;
        const id = asked.of === 'nobody' ? randomUUID() : house.operation(asked.of, issuer, claims.sub);
        return { method: asked.what === 'cancel' ? 'DELETE' : 'GET', path: `/api/v1/operations/${id}` };
      }
      case 'open': {
        const id = organizationIdOf(asked.organization, bearer);
        return isV5
          ? { method: 'POST', path: `/v5/Organizations/${encodeURIComponent(id)}/Action`, body: { explore: {} } }
          : { method: 'POST', path: '/api/v1/restore-sessions', body: { organizationId: id } };
      }
      default: {
        const session = sessionOf(asked.session, bearer);
        return { ...inSession(asked, session.sid, bearer), session };
      }
    }
  }

  function organizationIdOf(ref: AskedToOpen['organization'], { login }: Bearer): string {
    if ('id' in ref) return ref.id;
    const id = backup.idOf(organizationAt(ref.at, login, backup));
    return ref.written === 'in capitals' ? id.toUpperCase() : id;
  }

  function sessionOf(ref: SessionRef, { issuer, login, claims }: Bearer): KnownSession {
    if (ref.of === 'nobody') return { sid: ref.id, upstreamSid: '' };
    const organization = organizationAt(ref.in, login, backup);
    return house.session({ ...ref, organization }, issuer, claims.sub);
  }

  function inSession(asked: AskedInSession, sid: string, { login }: Bearer): Request {
    const isV5 = asked.surface === 'v5';
    const v1 = `/api/v1/restore-sessions/${encodeURIComponent(sid)}`;
    const v5 = `/v5/RestoreSessions/${encodeURIComponent(sid)}`;
    const explain = (body: object): Request => ({
      method: 'POST',
      path: '/api/v1/policy/explain',
      body: { restoreSessionId: sid, ...body },
    });
    switch (asked.what) {
      case 'session':
        return { method: 'GET', path: isV5 ? v5 : v1 };
      case 'stop':
        return isV5 ? { method: 'POST', path: `${v5}/Action`, body: { stop: null } } : { method: 'DELETE', path: v1 };
      case 'onedrives':
        return { method: 'GET', path: isV5 ? `${v5}/Organization/OneDrives` : `${v1}/onedrives` };
      case 'deviceCode':
        return { method: 'POST', path: isV5 ? `${v5}/organization/restoreDeviceCode` : `${v1}/device-codes` };
      case 'explainDeviceCode':
        return explain({ action: 'requestDeviceCode' });
      case 'browse': {
        const id = encodeURIComponent(oneDriveIdOf(asked.oneDrive, login, backup));
        return { method: 'GET', path: isV5 ? `${v5}/Organization/OneDrives/${id}` : `${v1}/onedrives/${id}` };
      }
      case 'explainBrowse':
        return explain({ action: 'browse', oneDriveId: oneDriveIdOf(asked.oneDrive, login, backup) });
      case 'explain': {
        const oneDriveId = oneDriveIdOf(asked.oneDrive, login, backup);
        return explain({ action: asked.act.action, oneDriveId, ...bodyOf(asked.act, login) });
      }
      case 'act': {
        const id = encodeURIComponent(oneDriveIdOf(asked.oneDrive, login, backup));
        return isV5
          ? { method: 'POST', path: `${v5}/Organization/OneDrives/${id}/Action`, body: v5BodyOf(asked.act, login) }
          : { method: 'POST', path: `${v1}/onedrives/${id}/${asked.act.action}`, body: bodyOf(asked.act, login) };
      }
    }
  }
});

/** What reached upstream may be refused there, which v5 tells by its status. */
function isAnswered({ status, effect }: Verdict, answer: Answer): boolean {
  return answer.status === status || (effect?.what === 'restore' && answer.status === 502);
}

function bodyOf(act: ItemAction, login: string): object {
  switch (act.action) {
    case 'restore':
    case 'save':
      return {};
    case 'copy': {
      const { target } = act;
      return {
        target: target.of === 'user' ? { user: target.login } : { oneDriveId: oneDriveIdOf(target, login, backup) },
      };
    }
    case 'send':
      return { to: act.to, from: act.from, subject: 'Your files', text: 'Here they are.' };
  }
}

function v5BodyOf(act: ItemAction, login: string): object {
  switch (act.action) {
    case 'restore':
      return { restoreToOriginalLocation: {} };
    case 'save':
      return { save: null };
    case 'send':
      return { sendTo: bodyOf(act, login) };
    case 'copy':
      return act.target.of === 'user' ? {} : { copyTo: { oneDrive: { id: oneDriveIdOf(act.target, login, backup) } } };
  }
}
