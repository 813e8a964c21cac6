import type { IncomingMessage } from 'node:http';

import type { AuditRecord } from '@app/audit';
import { ConfigurationSource } from '@app/config';
import { requestContextOf } from '@app/logging';
import pg from 'pg';

import { type SsoSandbox, startSsoSandbox } from '../../apps/sso-sandbox/src/index.js';
import type { ReceivedRequest } from '../../apps/veeam-sandbox/src/index.js';
import { type Answer, Caller, operationIdOf } from '../support/caller.js';
import { PolicyFolder } from '../support/policies.js';
import { changedSettings, rewriteSettings } from '../support/settings.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from '../support/world.js';
import { type IssuerName, MOST_ASKED, type Run, trustedIssuers } from './arbitraries.js';
import { type Subject, subjects, type Whose } from './asked.js';
import type { Backup, Claims, TrustedIssuer } from './model.js';

/** Far beyond what a run needs: limits are the matter of other specs. */
const unlimited = {
  requestsPerWindow: 1e9,
  sessionsPerCaller: 1e9,
  denialsPerMinute: 1e9,
  downloadsPerCaller: 1e9,
  operationsPerOrganization: 1e9,
  sessionIdleMs: 24 * 3_600_000,
};

interface SessionKey {
  readonly of: Whose;
  readonly organization: string;
  readonly state: 'open' | 'stopped';
  /** Of the request in its run: as many sessions are alike as there are requests at once. */
  readonly number: number;
}

export interface KnownSession {
  readonly sid: string;
  readonly upstreamSid: string;
}

/** What one request has left behind. */
export interface Trace {
  /** Upstream, but for logins. */
  readonly received: () => ReceivedRequest[];
  /** Decisions on the audit trail. */
  readonly records: readonly AuditRecord[];
}

/**
 * One gateway and its neighbours for many runs: three trusted issuers, of which two speak for one organization each, and one that nobody
 * trusts. Every subject of every trusted issuer has sessions in every organization, from a time when all issuers spoke for all of them and
 * everybody was an operator.
 *
 * Requests of one run may be made at once: what they cause is told apart by their trace ids, which the gateway gives and upstream receives.
 */
export class House {
  private readonly sessions = new Map<string, KnownSession>();
  private readonly operations = new Map<string, string>();
  /** Whose every session and operation is, by its id. */
  private readonly owners = new Map<string, string>();
  /** By request id. */
  private readonly traceIds = new Map<string, string>();
  private readonly policies = new PolicyFolder();
  private lastRecord = 0;
  private writer = '';

  private constructor(
    readonly neighbours: Neighbours,
    readonly backup: Backup,
    private readonly issuers: Readonly<Record<IssuerName, SsoSandbox>>,
    private readonly records: pg.Client,
  ) {}

  private environment: Record<string, string> = {};
  private gatewayOfNow: Gateway | undefined;

  static async open(backup: Backup): Promise<House> {
    const neighbours = await startNeighbours({ sessionIdleSeconds: 24 * 3_600 });
    const [contosoOnly, fabrikamOnly, untrusted] = await Promise.all([
      startSsoSandbox(),
      startSsoSandbox(),
      startSsoSandbox(),
    ]);
    const records = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await records.connect();
    const issuers = { everywhere: neighbours.sso, contosoOnly, fabrikamOnly, untrusted };
    const house = new House(neighbours, backup, issuers, records);
    await house.furnish();
    return house;
  }

  get control() {
    return this.neighbours.veeam.control;
  }

  get gateway(): Gateway {
    if (!this.gatewayOfNow) throw new Error('the gateway has not started');
    return this.gatewayOfNow;
  }

  async close(): Promise<void> {
    await this.gatewayOfNow?.close();
    await this.records.end();
    const { contosoOnly, fabrikamOnly, untrusted } = this.issuers;
    await Promise.all([contosoOnly, fabrikamOnly, untrusted].map((issuer) => issuer.close()));
    await this.neighbours.close();
    this.policies.remove();
  }

  /** As the YAML file has it, but for the one nobody trusts. */
  issuer(name: IssuerName): TrustedIssuer {
    const [contoso = '', fabrikam = ''] = this.backup.names;
    const organizations = {
      everywhere: [contoso, fabrikam],
      contosoOnly: [contoso],
      fabrikamOnly: [fabrikam],
      untrusted: [],
    }[name];
    return { url: this.issuers[name].issuer, organizations, emailDomains: organizations };
  }

  async caller(name: IssuerName, claims: Claims, gateway = this.gateway): Promise<Caller> {
    const { issuer: iss, audience: aud } = this.issuers[name];
    const iat = Math.floor(Date.now() / 1_000);
    return new Caller(gateway.url, await this.issuers[name].sign({ ...claims, iss, aud, iat, exp: iat + 3_600 }));
  }

  async bind(bindings: Run['bindings']): Promise<void> {
    const roleBindings = bindings.map(({ issuer, ...binding }) => ({
      ...binding,
      ...(issuer !== undefined && { issuer: this.issuers[issuer].issuer }),
    }));
    await rewriteSettings(this.environment, () => ({ roleBindings }));
    const source = this.gateway.app.get(ConfigurationSource);
    await source.reload();
    expect(source.current.roleBindings).toMatchObject(roleBindings);
  }

  session({ of, organization, state, number }: SessionKey, issuer: IssuerName, subject: Subject): KnownSession {
    const key = keyOf(this.ownerOf(of, issuer, subject), organization, state, number);
    const session = this.sessions.get(key);
    if (!session) throw new Error(`no session ${key}`);
    return session;
  }

  operation(whose: Whose, issuer: IssuerName, subject: Subject): string {
    return this.operations.get(this.ownerOf(whose, issuer, subject)) ?? '';
  }

  /** Remembers whose a new session or operation is. */
  belongs(id: string, issuer: IssuerName, subject: Subject): void {
    this.owners.set(id, this.ownerOf('caller', issuer, subject));
  }

  isOwn(id: string, issuer: IssuerName, subject: Subject): boolean {
    return this.owners.get(id) === this.ownerOf('caller', issuer, subject);
  }

  /** What each of the answered requests, all there were since upstream was cleared, has left behind. */
  async tracesOf(answers: readonly Answer[]): Promise<Trace[]> {
    const records = await this.newRecords();
    const received = this.control.received().filter(({ route }) => route !== 'token');
    const traces = answers.map(({ headers }): Trace => {
      const requestId = headers.get('x-request-id') ?? '';
      const traceId = this.traceIds.get(requestId);
      if (traceId === undefined) throw new Error('the gateway does not know the request');
      const caused = received.filter((one) => String(one.headers.traceparent).split('-')[1] === traceId);
      const decisions = records.filter((one) => one.requestId === requestId && one.decision !== undefined);
      return { received: () => caused, records: decisions };
    });
    const known = new Set(traces.flatMap((trace) => trace.received()));
    expect(received.filter((one) => !known.has(one))).toEqual([]);
    this.traceIds.clear();
    return traces;
  }

  /** What came on the trail since this was asked the last time. */
  private async newRecords(): Promise<AuditRecord[]> {
    const { rows } = await this.records.query<{ seq: string; text: string }>(
      'select seq, text from audit_records where writer = $1 and seq > $2 order by seq',
      [this.writer, this.lastRecord],
    );
    this.lastRecord = Number(rows.at(-1)?.seq ?? this.lastRecord);
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  }

  private ownerOf(whose: Whose, issuer: IssuerName, subject: Subject): string {
    const next = <T>(all: readonly T[], one: T) => all[(all.indexOf(one) + 1) % all.length] ?? one;
    // The untrusted one has nothing of its own: it speaks as if it were another.
    const by = trustedIssuers.includes(issuer) ? issuer : 'everywhere';
    switch (whose) {
      case 'caller':
        return `${by} ${subject}`;
      case 'other subject':
        return `${by} ${next(subjects, subject)}`;
      case 'namesake at another issuer':
        return `${next(trustedIssuers, by)} ${subject}`;
    }
  }

  private async furnish(): Promise<void> {
    const former = await this.start('all');
    const everybody = trustedIssuers.flatMap((issuer) => subjects.map((subject) => [issuer, subject] as const));
    await Promise.all(everybody.map(([issuer, subject]) => this.furnishFor(issuer, subject, former)));
    await this.lookInto(former);
    await former.close();
    const { rows } = await this.records.query<{ id: string; upstream_session_id: string }>(
      'select id, upstream_session_id from restore_sessions',
    );
    const upstream = new Map(rows.map((row) => [row.id, row.upstream_session_id]));
    for (const [key, { sid }] of this.sessions) {
      this.sessions.set(key, { sid, upstreamSid: upstream.get(sid) ?? '' });
    }
    this.gatewayOfNow = await this.start('bound');
    const { rows: starts } = await this.records.query<{ writer: string; seq: string }>(
      `select writer, seq from audit_records where text::jsonb->>'action' = 'service.started' order by time desc limit 1`,
    );
    this.writer = starts[0]?.writer ?? '';
    this.lastRecord = Number(starts[0]?.seq);
  }

  /** An open session for each request of a run, one that is stopped, and an operation that has ended. */
  private async furnishFor(issuer: IssuerName, subject: Subject, gateway: Gateway): Promise<void> {
    const caller = await this.caller(issuer, { sub: subject, client_id: 'desk', groups: ['everybody'] }, gateway);
    const open = async (organization: string, state: SessionKey['state'], number: number) => {
      const { body } = await caller.post('/api/v1/restore-sessions', {
        organizationId: this.backup.idOf(organization),
      });
      const sid = body.id as string;
      if (state === 'stopped') await caller.delete(`/api/v1/restore-sessions/${sid}`);
      this.sessions.set(keyOf(`${issuer} ${subject}`, organization, state, number), { sid, upstreamSid: '' });
      this.belongs(sid, issuer, subject);
    };
    for (const organization of this.backup.names) {
      for (let number = 0; number < MOST_ASKED; number++) await open(organization, 'open', number);
      await open(organization, 'stopped', 0);
    }
    const [organization = ''] = this.backup.names;
    const { sid } = this.session({ of: 'caller', organization, state: 'open', number: 0 }, issuer, subject);
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${this.backup.oneDrives(organization)[0]}/save`;
    const operation = operationIdOf((await caller.post(path, {})).headers);
    this.operations.set(`${issuer} ${subject}`, operation);
    this.belongs(operation, issuer, subject);
  }

  /** What lies at the root of the OneDrives, as somebody sees it who may see everything. */
  private async lookInto(gateway: Gateway): Promise<void> {
    const [issuer, subject] = ['everywhere', 'desk'] as const;
    const caller = await this.caller(issuer, { sub: subject, client_id: 'desk', groups: ['everybody'] }, gateway);
    for (const organization of this.backup.names) {
      const { sid } = this.session({ of: 'caller', organization, state: 'open', number: 0 }, issuer, subject);
      for (const oneDriveId of this.backup.oneDrives(organization)) {
        const at = `/api/v1/restore-sessions/${sid}/onedrives/${encodeURIComponent(oneDriveId)}`;
        const { body } = await caller.get(`${at}/items?limit=100`);
        const items = body.items as { id: string; kind: 'folder' | 'document' }[];
        const idsOf = (kind: string) => items.filter((item) => item.kind === kind).map(({ id }) => id);
        this.backup.holds(oneDriveId, { folder: idsOf('folder'), document: idsOf('document') });
      }
    }
  }

  private async start(speakFor: 'all' | 'bound'): Promise<Gateway> {
    const { veeam } = this.neighbours;
    const all = this.backup.names;
    const issuers = (['contosoOnly', 'fabrikamOnly'] as const).map((name) => {
      const { issuer, audience } = this.issuers[name];
      const { organizations, emailDomains } = this.issuer(name);
      return { issuer, audiences: [audience], organizations: speakFor === 'all' ? all : organizations, emailDomains };
    });
    const everybody = { role: 'operator', organizations: all, group: 'everybody' };
    this.environment = await changedSettings(this.neighbours, ({ credentialProfiles = [] }) => ({
      issuers,
      roleBindings: speakFor === 'all' ? [everybody] : [],
      organizations: all.map((name) => ({ name, deviceCodeApplicationId: veeam.deviceCodeApplicationId })),
      // v5 copies with a user and a password only.
      credentialProfiles: all.map((organization) => ({
        ...credentialProfiles[0],
        name: organization.split('.')[0],
        organization,
      })),
    }));
    if (speakFor === 'bound') this.policies.write('kept-back', keptBack(this.backup.keptBack));
    return startGateway(this.neighbours, {
      environment: { ...this.environment, LOG_LEVEL: 'error', POLICY_DIR: this.policies.path },
      adjust: (configuration) => ({ ...configuration, limits: { ...configuration.limits, ...unlimited } }),
      prepare: (app) => {
        app.getHttpServer().on('request', (raw: IncomingMessage) => {
          const context = requestContextOf({ raw });
          if (context) this.traceIds.set(context.requestId, context.traceId);
        });
      },
    });
  }
}

/** Beside the default policies: what forbids single OneDrives to those who may do everything else. */
function keptBack(ids: readonly string[]): string {
  const all = `[${ids.map((id) => `OneDrive::"${id}"`).join(', ')}]`;
  return `
    @id("kept-back")
    forbid (principal, action, resource is OneDrive)
    when { ${all}.contains(resource) }
    unless { principal.owns.contains(resource) };

    @id("kept-back-from-copies")
    forbid (principal, action == Action::"copy", resource)
    when { ${all}.contains(context.target) }
    unless { principal.owns.contains(context.target) };`;
}

/** Stopped ones are not told apart: nothing can be done to them. */
function keyOf(owner: string, organization: string, state: SessionKey['state'], number: number): string {
  return `${owner} ${organization} ${state} ${state === 'open' ? number : 0}`;
}
