import type { AuditRecord } from '@app/audit';
import { ConfigurationSource } from '@app/config';
import pg from 'pg';

import { type SsoSandbox, startSsoSandbox } from '../../apps/sso-sandbox/src/index.js';
import { Caller, operationIdOf } from '../support/caller.js';
import { changedSettings, rewriteSettings } from '../support/settings.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from '../support/world.js';
import { type IssuerName, type Run, trustedIssuers } from './arbitraries.js';
import { type Subject, subjects, type Whose } from './asked.js';
import type { Backup, Claims, TrustedIssuer } from './model.js';

/** Far beyond what a run needs: limits are the matter of other specs. */
const unlimited = {
  requestsPerWindow: 1e9,
  sessionsPerCaller: 1e9,
  denialsPerMinute: 1e9,
  sessionIdleMs: 24 * 3_600_000,
};

interface SessionKey {
  readonly of: Whose;
  readonly organization: string;
  readonly state: 'open' | 'stopped';
}

export interface KnownSession {
  readonly sid: string;
  readonly upstreamSid: string;
}

/**
 * One gateway and its neighbours for many runs: three trusted issuers, of which two speak for one organization each, and one that nobody
 * trusts. Every subject of every trusted issuer has sessions in every organization, from a time when all issuers spoke for all of them and
 * everybody was an operator.
 */
export class House {
  private readonly sessions = new Map<string, KnownSession>();
  private readonly operations = new Map<string, string>();
  private lastRecord = 0;
  private writer = '';

  private constructor(
    readonly neighbours: Neighbours,
    private readonly backup: Backup,
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

  session(ref: SessionKey, issuer: IssuerName, subject: Subject): KnownSession {
    const owner = this.ownerOf(ref.of, issuer, subject);
    const session = this.sessions.get(`${owner} ${ref.organization} ${ref.state}`);
    if (!session) throw new Error(`no session of ${owner}`);
    return session;
  }

  operation(whose: Whose, issuer: IssuerName, subject: Subject): string {
    return this.operations.get(this.ownerOf(whose, issuer, subject)) ?? '';
  }

  /** Whether it was there from the start and belongs to somebody else. */
  isSomebodyElses(id: string, issuer: IssuerName, subject: Subject): boolean {
    const owners = [...this.sessions].filter(([, { sid }]) => sid === id).map(([key]) => key);
    const operators = [...this.operations].filter(([, operation]) => operation === id).map(([key]) => key);
    return [...owners, ...operators].some((owner) => !owner.startsWith(`${issuer} ${subject}`));
  }

  /** What came on the trail since this was asked the last time. */
  async newRecords(): Promise<AuditRecord[]> {
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
    const upstream = new Map<string, string>();
    for (const issuer of trustedIssuers) {
      for (const subject of subjects) {
        const caller = await this.caller(issuer, { sub: subject, client_id: 'desk', groups: ['everybody'] }, former);
        for (const organization of this.backup.names) {
          for (const state of ['open', 'stopped'] as const) {
            const sid = await caller.openSession(organization);
            if (state === 'stopped') await caller.delete(`/api/v1/restore-sessions/${sid}`);
            this.sessions.set(`${issuer} ${subject} ${organization} ${state}`, { sid, upstreamSid: '' });
          }
        }
        const [organization = ''] = this.backup.names;
        const { sid = '' } = this.sessions.get(`${issuer} ${subject} ${organization} open`) ?? {};
        const path = `/api/v1/restore-sessions/${sid}/onedrives/${this.backup.oneDrives(organization)[0]}/save`;
        this.operations.set(`${issuer} ${subject}`, operationIdOf((await caller.post(path, {})).headers));
      }
    }
    await former.close();
    const { rows } = await this.records.query<{ id: string; upstream_session_id: string }>(
      'select id, upstream_session_id from restore_sessions',
    );
    rows.forEach((row) => upstream.set(row.id, row.upstream_session_id));
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
    return startGateway(this.neighbours, {
      environment: { ...this.environment, LOG_LEVEL: 'error' },
      adjust: (configuration) => ({ ...configuration, limits: { ...configuration.limits, ...unlimited } }),
    });
  }
}
