import { randomUUID } from 'node:crypto';

import { type SsoSandbox, startSsoSandbox } from '../apps/sso-sandbox/src/index.js';
import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { type Answer, Caller, operationIdOf } from './support/caller.js';
import { expectedRecords } from './support/expected-records.js';
import { changedSettings } from './support/settings.js';
import { recordsOf } from './support/trail.js';
import { until } from './support/until.js';
import { changes, requests } from './support/upstream.js';
import { type Gateway, type GatewayOptions, type Neighbours, startGateway, startNeighbours } from './support/world.js';

/**
 * What each caller gets (and `expectedRecords` what must be on the audit trail of it), in the order of `columns`. A route below a session is asked about in the session of somebody else,
 * a route below a OneDrive in the caller's own session, if there is one, about the OneDrive of somebody else.
 *
 * none mallory alice alice>bob fred>alice oscar oscar>fred audrey helpdesk-app untrusted stranger
 */
const ofRoutes: Record<string, string> = {
  'GET /api/v1/organizations': '401 200 200 200 200 200 200 200 200 401 200',
  'POST /api/v1/restore-sessions': '401 403 201 201 404 201 404 403 201 401 403',
  'GET /api/v1/restore-sessions': '401 200 200 200 200 200 200 200 200 401 200',
  'GET /api/v1/restore-sessions/:sid': '401 404 200 404 404 200 404 404 200 401 404',
  'DELETE /api/v1/restore-sessions/:sid': '401 404 204 404 404 204 404 404 204 401 404',
  'GET /api/v1/restore-sessions/:sid/onedrives': '401 404 200 404 404 200 404 404 200 401 404',
  'GET /api/v1/restore-sessions/:sid/onedrives/:oid': '401 404 200 404 404 200 404 404 200 401 404',
  'POST /api/v1/restore-sessions/:sid/onedrives/:oid/restore': '401 404 200 404 404 200 404 404 200 401 404',
  'POST /api/v1/restore-sessions/:sid/onedrives/:oid/copy': '401 403 403 403 403 200 404 403 200 401 403',
  'POST /api/v1/restore-sessions/:sid/onedrives/:oid/send': '401 403 403 403 403 200 404 403 200 401 403',
  'POST /api/v1/restore-sessions/:sid/onedrives/:oid/save': '401 404 200 404 404 200 404 404 200 401 404',
  'POST /api/v1/restores': '401 403 200 404 404 200 404 403 200 401 403',
  'POST /api/v1/downloads': '401 403 200 404 404 200 404 403 200 401 403',
  'POST /api/v1/restore-sessions/:sid/device-codes': '401 403 403 403 403 201 404 403 201 401 403',
  'GET /api/v1/operations': '401 200 200 200 200 200 200 200 200 401 200',
  'GET /api/v1/operations/:id': '401 404 200 404 404 200 404 404 200 401 404',
  // The own operation has ended, and so does the stream with its last event.
  'GET /api/v1/operations/:id/events': '401 404 200 404 404 200 404 404 200 401 404',
  // The own operation has ended, so that there is nothing to cancel.
  'DELETE /api/v1/operations/:id': '401 404 409 404 404 409 404 404 409 401 404',
  'POST /api/v1/policy/explain': '401 404 200 404 404 200 404 404 200 401 404',
  'GET /api/v1/audit-records': '401 403 403 403 403 403 403 200 403 401 403',
  'GET /api/v1/audit-records/export': '401 403 403 403 403 403 403 200 403 401 403',
  'GET /api/v1/send-readiness': '401 403 403 403 403 200 200 403 200 401 403',
  'GET /api/v1/credential-profiles': '401 403 403 403 403 200 200 403 200 401 403',
  'GET /v5/Organizations': '401 200 200 200 200 200 200 200 200 401 200',
  'POST /v5/Organizations/:id/Action': '401 403 201 201 404 201 404 403 201 401 403',
  'GET /v5/RestoreSessions/:sid': '401 404 200 404 404 200 404 404 200 401 404',
  'POST /v5/RestoreSessions/:sid/Action': '401 404 200 404 404 200 404 404 200 401 404',
  'GET /v5/RestoreSessions/:sid/Organization/OneDrives': '401 404 200 404 404 200 404 404 200 401 404',
  'GET /v5/RestoreSessions/:sid/Organization/OneDrives/:oid': '401 404 200 404 404 200 404 404 200 401 404',
  'POST /v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action restoreToOriginalLocation':
    '401 404 200 404 404 200 404 404 200 401 404',
  // The guard does not look into the body, and stops nobody who may do one of the four: the session comes before the action.
  'POST /v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action copyTo':
    '401 404 403 403 403 200 404 404 200 401 403',
  'POST /v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action sendTo':
    '401 404 403 403 403 200 404 404 200 401 403',
  'POST /v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action save':
    '401 404 200 404 404 200 404 404 200 401 404',
  'POST /v5/RestoreSessions/:sid/organization/restoreDeviceCode': '401 403 403 403 403 200 404 403 200 401 403',
};

const ofOneDrive = '/api/v1/restore-sessions/:sid/onedrives/:oid';
const singleItems = [
  '/folders/:fid',
  '/folders/:fid/versions/:fvid',
  '/documents/:did',
  '/documents/:did/versions/:vid',
];

/** What is in a OneDrive is the caller's as the OneDrive is. */
const expected: Record<string, string> = {
  ...ofRoutes,
  ...like('GET /api/v1/restore-sessions/:sid/onedrives', 'POST /api/v1/restore-sessions/:sid/onedrives/search'),
  ...like(
    `GET ${ofOneDrive}`,
    `GET ${ofOneDrive}/items`,
    `POST ${ofOneDrive}/search`,
    ...singleItems.map((item) => `GET ${ofOneDrive}${item}`),
    ...['/folders/:fid', '/documents/:did'].map((item) => `GET ${ofOneDrive}${item}/versions`),
  ),
  ...Object.assign(
    {},
    ...['restore', 'copy', 'send', 'save'].map((action) =>
      like(
        `POST ${ofOneDrive}/${action}`,
        ...[...singleItems, '/folders', '/documents'].map((item) => `POST ${ofOneDrive}${item}/${action}`),
      ),
    ),
  ),
};

function like(row: string, ...others: string[]): Record<string, string> {
  return Object.fromEntries(others.map((other) => [other, ofRoutes[row] ?? '']));
}

const publicRoutes = [
  'GET /.well-known/oauth-protected-resource',
  'GET /docs/*',
  'GET /health/live',
  'GET /health/ready',
];

const [contosoBackup, fabrikamBackup] = makeOrganizations(new Date(), { oneDrives: 0 });
const oneDriveOf = (login: string): string => {
  const all = [...(contosoBackup?.oneDrives ?? []), ...(fabrikamBackup?.oneDrives ?? [])];
  return all.find(({ owner }) => owner.login === login)?.id ?? '';
};
const alicesOneDrive = oneDriveOf('alice@contoso.onmicrosoft.com');
const bobsOneDrive = oneDriveOf('bob@contoso.onmicrosoft.com');
const fredsOneDrive = oneDriveOf('fred@fabrikam.onmicrosoft.com');

const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };

/** The smallest body that a row is well-formed with. */
function bodyOf(row: string, about: Column): object | undefined {
  const bulk = /(folders|documents)\/\w+$/.exec(row)?.[1];
  const ids = bulk && { ids: [bulk === 'folders' ? about.fid : about.did] };
  const body = plainBodyOf(row, about);
  return body && { ...body, ...ids };
}

function plainBodyOf(row: string, { organizationId, ownSid, oid }: Column): object | undefined {
  const bodies: Record<string, object> = {
    'POST /api/v1/restore-sessions': { organizationId },
    '/search': { query: 'a' },
    '/restores': { organization: organizationId, oneDriveId: oid, action: 'restore' },
    '/downloads': { organization: organizationId, oneDriveId: oid },
    '/explain': { restoreSessionId: ownSid, oneDriveId: oid, action: 'save' },
    '/restore': {},
    '/copy': { target: { oneDriveId: alicesOneDrive } },
    '/send': mail,
    '/save': {},
    'Organizations/:id/Action': { explore: {} },
    ':sid/Action': { stop: null },
    restoreToOriginalLocation: { restoreToOriginalLocation: {} },
    copyTo: { copyTo: { oneDrive: { id: alicesOneDrive } } },
    sendTo: { sendTo: mail },
    'Action save': { save: null },
  };
  return Object.entries(bodies).find(([end]) => row.endsWith(end))?.[1];
}

const isAboutOneDrive = (row: string) => /:oid|explain|restores|downloads/.test(row);
const isOneCall = (row: string) => /(?:restores|downloads)$/.test(row);
const isReading = (row: string) => /^GET|explain|search/.test(row);

/** Somebody who calls, and what they call about. */
interface Column {
  readonly name: string;
  readonly caller: Caller;
  readonly organizationId: string;
  /** For routes below a session, and for those below a OneDrive. */
  readonly sid: string;
  readonly ownSid: string;
  readonly oid: string;
  /** In that OneDrive, with a version each. */
  readonly fid: string;
  readonly fvid: string;
  readonly did: string;
  readonly vid: string;
  readonly operationId: string;
  readonly isOwn: boolean;
}

describe('every route', () => {
  const routes = new Set<string>();
  let neighbours: Neighbours;
  let fabrikamIssuer: SsoSandbox;
  let untrustedIssuer: SsoSandbox;
  let gateway: Gateway;
  let columns: readonly Column[];

  beforeAll(async () => {
    [neighbours, fabrikamIssuer, untrustedIssuer] = await Promise.all([
      startNeighbours(),
      startSsoSandbox(),
      startSsoSandbox(),
    ]);
    // As it was once: sessions from then are left to those who may do less today.
    const former = await start([contoso.name, fabrikam.name], { formerRoles: true });
    const left = {
      oscar: await (await callerOf(former, 'oscar')).openSession(fabrikam.name),
      stranger: await (await callerOf(former, 'alice', fabrikamIssuer)).openSession(contoso.name),
    };
    await former.close();
    gateway = await start([fabrikam.name], {
      prepare: (app) => {
        app
          .getHttpAdapter()
          .getInstance()
          .addHook('onRoute', ({ method, url }) => {
            // Each GET comes with a HEAD that Fastify answers by it.
            [method].flat().forEach((one) => one !== 'HEAD' && routes.add(`${one} ${url}`));
          });
      },
    });
    columns = await callers(left);
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([neighbours.close(), fabrikamIssuer.close(), untrustedIssuer.close()]);
  });

  async function start(
    organizations: readonly string[],
    { formerRoles = false, prepare }: { formerRoles?: boolean } & Pick<GatewayOptions, 'prepare'>,
  ): Promise<Gateway> {
    const environment = await changedSettings(neighbours, ({ roleBindings }) => ({
      issuers: [
        {
          issuer: fabrikamIssuer.issuer,
          audiences: [fabrikamIssuer.audience],
          organizations,
          emailDomains: organizations,
        },
      ],
      roleBindings: [
        ...roleBindings,
        ...(formerRoles
          ? [{ role: 'operator', organizations: [fabrikam.name], group: 'contoso-restore-operators' }]
          : []),
      ],
    }));
    return startGateway(neighbours, {
      // The newest version can do all there is.
      environment: { ...environment, VEEAM_API_VERSION: 'v8' },
      ...(prepare && { prepare }),
      adjust: (configuration) => ({
        ...configuration,
        limits: {
          ...configuration.limits,
          requestsPerWindow: 100_000,
          sessionsPerCaller: 1_000,
          denialsPerMinute: 100_000,
        },
      }),
    });
  }

  const callerOf = async ({ url }: Gateway, name: string, sso: SsoSandbox = neighbours.sso) =>
    new Caller(url, await sso.token(name));

  async function callers(left: { oscar: string; stranger: string }): Promise<readonly Column[]> {
    const [alice, bob, fred, oscar, helpdesk] = await Promise.all(
      [
        ['alice', contoso.name, alicesOneDrive] as const,
        ['bob', contoso.name, bobsOneDrive] as const,
        ['fred', fabrikam.name, fredsOneDrive] as const,
        ['oscar', contoso.name, bobsOneDrive] as const,
        ['helpdesk-app', contoso.name, bobsOneDrive] as const,
      ].map(async ([name, organization, oid]) => {
        const caller = await callerOf(gateway, name);
        const sid = await caller.openSession(organization);
        const path = `/api/v1/restore-sessions/${sid}/onedrives/${oid}`;
        const saved = await caller.post(`${path}/save`, {});
        const { body } = await caller.get(`${path}/items`);
        const one = (kind: string) => body.items.find((item: { kind: string }) => item.kind === kind);
        const { id: fid, versionId: fvid } = one('folder');
        const { id: did, versionId: vid } = one('document');
        return { caller, sid, ownSid: sid, oid, fid, fvid, did, vid, operationId: operationIdOf(saved.headers) };
      }),
    );
    if (!alice || !bob || !fred || !oscar || !helpdesk) throw new Error('somebody is missing');
    const at = (name: string, caller: Caller, things: Omit<Column, 'name' | 'isOwn' | 'organizationId'>): Column => ({
      ...things,
      name,
      caller,
      isOwn: caller === things.caller,
      organizationId: things.oid === fredsOneDrive ? fabrikam.id : contoso.id,
    });
    return [
      at('none', new Caller(gateway.url, undefined), alice),
      at('mallory', await callerOf(gateway, 'mallory'), alice),
      at('alice', alice.caller, alice),
      at('alice>bob', alice.caller, { ...bob, ownSid: alice.sid }),
      at('fred>alice', fred.caller, { ...alice, ownSid: fred.sid }),
      at('oscar', oscar.caller, oscar),
      at('oscar>fred', oscar.caller, { ...fred, ownSid: left.oscar }),
      at('audrey', await callerOf(gateway, 'audrey'), alice),
      at('helpdesk-app', helpdesk.caller, helpdesk),
      at('untrusted', await callerOf(gateway, 'alice', untrustedIssuer), alice),
      at('stranger', await callerOf(gateway, 'alice', fabrikamIssuer), { ...alice, ownSid: left.stranger }),
    ];
  }

  it('has a row in this table, or is public', () => {
    const inTable = Object.keys(expected).map((row) => row.split(' ').slice(0, 2).join(' '));
    const asDeclared = inTable.map((route) => route.replace(':fvid', ':vid'));
    expect([...routes].sort()).toEqual([...new Set([...asDeclared, ...publicRoutes])].sort());
  });

  it.each(Object.entries(expected))('%s', async (row, statuses) => {
    const got: string[] = [];
    for (const column of columns) {
      const { answer, sent } = await ask(row, column, column);
      got.push(String(answer.status));
      const recorded = await recordedDecisions(row, column, answer);
      expect({ column: column.name, recorded }).toEqual({
        column: column.name,
        recorded: expectedRecords(row, column.name, answer.status),
      });
      if (answer.status === 401) expect(neighbours.veeam.control.received()).toEqual([]);
      if (answer.status >= 400 || isReading(row)) expect(changes(neighbours.veeam.control)).toEqual([]);
      if (answer.status >= 400) expect(sent.join()).not.toMatch(/RestoreSessions/i);
      // What is allowed does happen, or the lines above would prove nothing.
      if (answer.status < 300 && !isReading(row)) expect(changes(neighbours.veeam.control)).not.toEqual([]);
      const isTrail = row.includes('audit-records');
      if (answer.status < 300 && !column.isOwn && !row.startsWith('POST') && !isTrail) expectNothingOf(column, answer);
      if (answer.status === 404) {
        const nothing = await asOfNothing(row, column);
        expect(nothing.answer).toEqual(visible(answer));
        // Which of several organizations is looked at first is another matter.
        expect(nothing.sent.sort()).toEqual([...sent].sort());
      }
    }
    expect(got).toEqual(statuses.split(' '));
  });

  /** @param about the column whose things are named, or made-up ones */
  async function ask(
    row: string,
    { caller, isOwn }: Column,
    about: Column,
  ): Promise<{ answer: Answer; sent: string[] }> {
    const [method = '', pattern = ''] = row.split(' ');
    const isStopping = row.startsWith('DELETE') || row.endsWith(':sid/Action');
    const sid =
      isStopping && isOwn && !pattern.includes('operations')
        ? await caller.openSession(contoso.name)
        : isAboutOneDrive(row)
          ? about.ownSid
          : about.sid;
    const path = pattern
      .replace(':sid', sid)
      .replace(':oid', about.oid)
      .replace(':fid', about.fid)
      .replace(':fvid', about.fvid)
      .replace(':did', about.did)
      .replace(':vid', about.vid)
      .replace(':id', pattern.startsWith('/v5') ? about.organizationId : about.operationId);
    const body = bodyOf(row, about);
    neighbours.veeam.control.clearReceived();
    const answer = await caller.call(method, path, body && JSON.stringify(body), { prefer: 'wait=10' });
    // The session of a single call is stopped behind the answer, and looked at whether it did.
    if (isOneCall(row) && answer.status === 200) await until(() => Promise.resolve(isStoppedUpstream()));
    const named = [about.oid, about.fid, about.did, about.ownSid, about.sid, about.operationId];
    const sent = requests(neighbours.veeam.control).map((request) =>
      named.reduce((text, id) => text.replace(id, 'ID'), request),
    );
    return { answer, sent };
  }

  function isStoppedUpstream(): boolean {
    const all = requests(neighbours.veeam.control);
    const stop = all.findIndex((request) => request.endsWith('/Stop'));
    const session = all[stop]?.replace('POST', 'GET').replace('/Stop', '');
    return all.slice(stop).some((request) => request === session);
  }

  /** What is on the audit trail of a request, but for how the operation it began went on. All of it names the caller. */
  async function recordedDecisions(row: string, { caller }: Column, { headers }: Answer): Promise<string[]> {
    const all = await recordsOf(neighbours, headers.get('x-request-id') ?? '');
    // The session of a single call is stopped behind its answer, by nobody.
    const records = isOneCall(row)
      ? all.filter(({ action }) => !/^restore-session\.(?:stopped|ended)$/.test(action))
      : all;
    for (const { actor } of records) expect(actor).toMatchObject(claimsOf(caller));
    return records
      .filter(({ action }) => !/^operation|^credential-profile/.test(action))
      .map(({ action, decision, policies }) => [action, decision, policies?.join()].filter(Boolean).join(' '));
  }

  /** The same request about what does not exist: whoever may not know of a thing must not be able to tell. */
  async function asOfNothing(row: string, column: Column) {
    const nothing: Column = isAboutOneDrive(row)
      ? { ...column, oid: `${randomUUID()}${randomUUID()}` }
      : { ...column, sid: randomUUID(), operationId: randomUUID(), organizationId: randomUUID() };
    const { answer, sent } = await ask(row, column, nothing);
    return { answer: visible(answer), sent };
  }
});

/** What a caller can tell apart: all of an answer but the id of the request. */
function visible({ status, headers, body }: Answer) {
  const { requestId, ...rest } = body as { requestId: string };
  expect(requestId).toBeTruthy();
  return { status, body: rest, headers: [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)) };
}

/** A list that a caller may ask for holds nothing of somebody else. */
function expectNothingOf({ sid, oid, operationId }: Column, { body }: Answer): void {
  const text = JSON.stringify(body);
  for (const id of [sid, oid, operationId]) expect(text).not.toContain(id);
}

/** Who the token of a caller says they are, as records name it. */
function claimsOf({ token = '' }: Caller) {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>;
  return { issuer: claims.iss, subject: claims.sub, clientId: claims.client_id };
}
