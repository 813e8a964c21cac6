import { AnswerCheck } from '../spec-support/answer-check.js';
import { changesOf } from '../spec-support/changes.js';
import { askEach } from '../spec-support/every-operation.js';
import { MailServer } from '../spec-support/mail-server.js';
import { SandboxClient, type JsonBody } from '../spec-support/sandbox-client.js';
import { vendorDocumentOf } from '../spec-support/vendor-document.js';
import { isSince, versions, type Version } from '../spec-support/wire-schemas/notation.js';
import { wireSchemasOf } from '../spec-support/wire-schemas/operations.js';
import type { SentAnswer } from './control/sent-answers.js';
import { contoso } from './people.js';
import { v5 } from './v5/v5.js';
import { versionNames } from './veeam-sandbox.options.js';
import { v6, v7, v8 } from './verbs/verbs.js';

const served = { v5, v6, v7, v8 };

it('our own schemas are there for every version that is served', () => {
  expect(versions).toEqual(versionNames);
});

/** Every answer that a spec gets is checked by its client against our own schemas; here are all operations, and the checking. */
describe.each(versions)('our own schemas of %s', (version) => {
  const contract = wireSchemasOf(version);
  const since = (first: Version): boolean => isSince(version, first);
  let smtp: MailServer;
  let client: SandboxClient;
  beforeAll(async () => {
    smtp = await MailServer.start();
    client = await SandboxClient.start({ smtp: { host: '127.0.0.1', port: smtp.port } });
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn(version);
  });
  afterAll(async () => {
    await client.close();
    await smtp.close();
  });

  const organizations = `/${version}/Organizations`;
  const stop = (session: string) =>
    since('v6') ? client.send('POST', `${session}/Stop`) : client.post(`${session}/Action`, { stop: null });

  it('have every operation that is served, and no other', () => {
    const nameOf = ({ method, pattern }: { method: string; pattern: string }) => `${method} ${pattern.toLowerCase()}`;
    const [own, routes] = [contract.operations, served[version].routes].map((all) => new Set(all.map(nameOf)));
    expect(own).toEqual(routes);
  });

  describe('find nothing', () => {
    it('in an answer of any operation; nor does the document of the vendor, where it is here', async () => {
      await askEach(client, version, contract.operations);
      const checked = client.conformance.of(version).map((check) => [check.contract.title, check.checked.size]);
      const titles = [contract, vendorDocumentOf(version) ?? []].flat().map(({ title }) => title);
      expect(checked).toEqual(titles.map((title) => [title, contract.operations.length]));
    });

    it.each<[number, string, () => Promise<{ status: number }>]>([
      [400, 'a limit of nothing', () => client.get(`${organizations}/${contoso.id}/Users?limit=0`)],
      [400, 'a wrong password', () => client.form(`/${version}/token`, { grant_type: 'password', username: 'x' })],
      [400, 'no JSON', () => client.post(`${organizations}/${contoso.id}/${since('v6') ? 'explore' : 'Action'}`, '{')],
      [401, 'another token', () => client.send('GET', organizations, undefined, { authorization: 'Bearer x' })],
      [404, 'an unknown organization', () => client.get(`${organizations}/${contoso.id.replace(/.$/, '0')}`)],
      [404, 'an unknown URL', () => client.get(`/${version}/Nonsense`)],
      [405, 'another method', () => client.send('DELETE', organizations)],
      [
        415,
        'another media type',
        () => client.send('PUT', `/${version}/VeodEmailSettings`, 'x', { 'content-type': 'text/plain' }),
      ],
    ])('in a %s for %s', async (status, _name, ask) => {
      expect((await ask()).status).toBe(status);
    });

    it('in a 403 and a 500', async () => {
      const session = await client.explore(contoso.id);
      await stop(session);
      expect((await client.get(`${session}/Organization/OneDrives`)).status).toBe(500);
      client.sandbox.control.setOperatorAuthenticationOnly();
      expect((await client.get(organizations)).status).toBe(403);
    });
  });

  describe('in the sandbox', () => {
    /** A real answer to a GET, changed on its way. */
    const planted = async (path: string, change: (body: JsonBody) => unknown, status = 200) => {
      const { json } = await client.get(path);
      client.sandbox.control.addFault({
        match: { path: path.split('?')[0] ?? '', version },
        fault: { kind: 'answer', status, body: change(structuredClone(json)) },
      });
      return client.get(path).then(
        () => 'nothing',
        (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)),
      );
    };
    const nameOf = (pattern: string) => `GET /${version}/${pattern}: `;
    const links = since('v6') ? `^/${version}/[A-Z]` : `^https://[^/]+:\\d+/${version}/[a-z]+([/?]|$)`;
    const otherLink = since('v6') ? `https://127.0.0.1:4443/${version}/RestoreSessions/1` : '/v5/restoresessions/1';

    it.each<[string, (session: JsonBody) => unknown, string]>([
      ['a missing member', ({ id: _id, ...others }) => others, 'body.id: missing'],
      ['an extra member', (session) => ({ ...session, State: 'Working' }), 'body.State: not in the schema'],
      ['a wrong type', (session) => ({ ...session, name: 1 }), 'body.name: not string'],
      [
        'another case of a value',
        (session) => ({ ...session, state: 'working' }),
        'body.state: "working" is not of the enumeration',
      ],
      ['an id that is none', (session) => ({ ...session, id: '12' }), 'body.id: not uuid'],
      [
        'a time without a zone',
        (session) => ({ ...session, creationTime: '2026-01-02T03:04:05' }),
        'body.creationTime: not date-time',
      ],
      ['a null', (session) => ({ ...session, reason: null, details: null }), 'body.details: null where it may not be'],
      ['an array around it', (session) => [session], 'body: not an object'],
      [
        'a link of another form',
        (session) => ({ ...session, _links: { ...session._links, self: { href: otherLink } } }),
        `body._links.self.href: ${JSON.stringify(otherLink)} is not like ${links}`,
      ],
      [
        'a link of another version',
        (session) => ({ ...session, _links: { ...session._links, self: { href: '/v9/RestoreSessions/1' } } }),
        `body._links.self.href: "/v9/RestoreSessions/1" is not like ${links}`,
      ],
    ])('name %s', async (_name, change, departure) => {
      const session = await client.explore(contoso.id);
      expect(await planted(session, change)).toBe(nameOf('RestoreSessions/{restoreSessionId}') + departure);
    });

    it('name a wrong status', async () => {
      const session = await client.explore(contoso.id);
      expect(await planted(session, (body) => body, 201)).toBe(
        `${nameOf('RestoreSessions/{restoreSessionId}')}status 201 is not declared`,
      );
      expect(await planted(session, () => ({ message: 'x' }), 418)).toBe(
        `${nameOf('RestoreSessions/{restoreSessionId}')}status 418 is not declared`,
      );
    });

    it('name a wrong envelope', async () => {
      expect(await planted(organizations, (body) => (since('v8') ? body.results : { results: body }))).toBe(
        `${nameOf('Organizations')}body: not an ${since('v8') ? 'object' : 'array'}`,
      );
      const users = `${organizations}/${contoso.id}/Users`;
      const name = nameOf('Organizations/{organizationId}/Users');
      expect(await planted(users, (body) => body.results)).toBe(`${name}body: not an object`);
      const isTotalled = since('v6') && !since('v8');
      const changed = ({ totalCount: _count, ...others }: JsonBody) =>
        isTotalled ? others : { ...others, totalCount: 1 };
      expect(await planted(users, changed)).toBe(
        `${name}body.totalCount: ${isTotalled ? 'missing' : 'not in the schema'}`,
      );
    });

    it('name a refusal of another version, and another code than its status has', async () => {
      const refusal = { message: 'x', errorCode: 'ResourceNotFound', stackTrace: null };
      const found = await planted(organizations, () => refusal, 409);
      const expected: Record<Version, string> = {
        v5: 'body.errorCode: not in the schema',
        v6: 'body.errorCode: not in the schema',
        v7: 'body.errorCode: "ResourceNotFound" is not of the enumeration',
        v8: 'body.errorCode: "ResourceNotFound" is not of the enumeration',
      };
      expect(found).toBe(nameOf('Organizations') + expected[version]);
      expect(await planted(organizations, () => ({ ...refusal, errorCode: 'OperationConflict' }), 401)).toBe(
        `${nameOf('Organizations')}a body where none is declared`,
      );
    });

    it('name an answer where there is nothing to answer from', async () => {
      client.sandbox.control.addFault({
        match: { path: 'Nonsense' },
        fault: { kind: 'answer', status: 200, body: {} },
      });
      await expect(client.get(`/${version}/Nonsense`)).rejects.toThrow(`GET /${version}/Nonsense: unknown`);
    });
  });

  it('find whatever is changed in whatever place of an answer, but what may be missing', async () => {
    const check = new AnswerCheck(contract);
    const missed = new Set<string>();
    let changes = 0;
    for (const answer of await askForMore()) {
      for (const { at, isRemoval, ...change } of changesOf(answer)) {
        changes++;
        if (check.check({ ...answer, ...change }).length === 0) missed.add(isRemoval ? at : `${answer.path}: ${at}`);
      }
    }
    process.stdout.write(`${contract.title}: ${changes} changes of answers of ${check.checked.size} operations\n`);
    expect([...missed].sort()).toEqual(
      [
        ...['endTime', 'error', 'first', 'firstBackuptime', 'itemName', 'itemSizeBytes', 'itemType', 'lastBackuptime'],
        ...['next', 'parent', 'prev', 'target'],
        ...(since('v6') ? ['isBackedup'] : ['no body']),
        ...(since('v7') ? ['onPremisesSid'] : []),
      ].sort(),
    );
  });

  /** Each operation, with what only some answers have: failures, neighbours of a page, times of backups, events of actions. */
  async function askForMore(): Promise<SentAnswer[]> {
    const { control } = client.sandbox;
    const before = client.answers.length;
    control.addFault({ match: { action: 'restore' }, times: 100, fault: { kind: 'outcome', failures: 1 } });
    await askEach(client, version, contract.operations);
    await control.settled();
    await client.logIn(version);
    await client.get(`${organizations}?extendedView=true`);
    await client.get(`${organizations}/${contoso.id}/Users?limit=1&offset=1`);
    for (const { id } of control.sessions()) {
      await client.get(`/${version}/RestoreSessions/${id}/Events?limit=100`);
      if (since('v8')) await client.get(`/${version}/RestoreSessions/${id}/Statistics`);
    }
    return client.answers.slice(before);
  }
});
