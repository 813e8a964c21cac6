import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { AccessTokenAuthenticator } from '@app/identity';
import { codeOf } from '@app/problems';
import { type BackupServer, BackupServers } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CredentialExpiry } from '../credential-profiles/credential-expiry.js';
import { SecretRotation } from '../credential-profiles/secret-rotation.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { Replica } from '../operations/replica.js';
import { UpstreamStops } from '../restore-sessions/upstream-stops.js';
import { WebhookDispatcher } from '../webhooks/webhook-dispatcher.js';

import { AuditSinks } from '../audit/audit-sinks.js';
import { TrailRights } from '../audit/trail-rights.js';

export interface HealthReport {
  readonly status: 'ready' | 'not-ready';
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

export interface HealthCheck {
  /** What is degraded needs somebody to look after it, and keeps no request from being served. */
  readonly status: 'up' | 'degraded' | 'down';
  /** Why it is down: a problem code. */
  readonly code?: string;
  /** In plain words; safe for anybody to read, since health needs no token. */
  readonly detail?: string;
}

/** Whoever asks for health does not wait long: of several backup servers one that hangs must not make the gateway look dead, ms. */
const HURRY_MS = 2_000;

/** A webhook that has waited longer shows. */
const WEBHOOK_PATIENCE_MS = 5 * 60_000;

/** Tells whether the gateway could serve a request now, and what is missing. */
@Injectable()
export class HealthService {
  constructor(
    private readonly authenticator: AccessTokenAuthenticator,
    private readonly servers: BackupServers,
    private readonly rights: TrailRights,
    private readonly sinks: AuditSinks,
    private readonly webhooks: WebhookDispatcher,
    private readonly rotation: SecretRotation,
    private readonly expiry: CredentialExpiry,
    private readonly stops: UpstreamStops,
    private readonly replica: Replica,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'webhooks' | 'ownerNotice'>,
  ) {}

  async readiness(): Promise<HealthReport> {
    const [store, upstream] = await Promise.all([check(() => this.store()), check(() => this.upstream())]);
    const checks = {
      store,
      issuerKeys: this.issuerKeys(),
      upstream,
      credentials: this.credentials(),
      restoreSessions: this.restoreSessions(),
      ...this.stopping(),
      ...this.auditSinks(),
      ...this.webhookDeliveries(),
    };
    const isReady = Object.values(checks).every(({ status }) => status !== 'down');
    return { status: isReady ? 'ready' : 'not-ready', checks };
  }

  /** Asks the database. What can be served with more rights than needed is served all the same, but its records prove less. */
  private async store(): Promise<HealthCheck> {
    const excess = await this.rights.excess();
    return excess.length === 0
      ? { status: 'up' }
      : { status: 'degraded', detail: `the login of the database can change the audit trail: ${excess.join(', ')}` };
  }

  /** Up while any server can be asked: what is on another gets 503, everything else is served. */
  private async upstream(): Promise<HealthCheck> {
    const { answers, missing } = await this.servers.ask(this.servers.all, healthOf, HURRY_MS);
    const [first] = missing;
    const told = [...answers, ...missing.map(({ backupServer, error }) => ({ backupServer, detail: error.message }))];
    const isOnly = this.servers.all.length === 1;
    const detail = told.map((one) => (isOnly ? one.detail : `${one.backupServer}: ${one.detail}`)).join(', ');
    if (first === undefined) return { status: 'up', detail };
    return { status: answers.length > 0 ? 'degraded' : 'down', code: first.error.code, detail };
  }

  /** What is in use goes on being used, so nothing of this keeps a request from being served. */
  private credentials(): HealthCheck {
    const faults = [
      ...this.rotation.refused().map((name) => `what was changed of ${name} cannot be used`),
      ...this.expiry.expired().map((name) => `the certificate of credential profile ${name} has expired`),
    ];
    return faults.length === 0 ? { status: 'up' } : { status: 'degraded', detail: faults.join(', ') };
  }

  /** What was stopped and still runs upstream takes of its resources, and keeps no request from being served. */
  private restoreSessions(): HealthCheck {
    const { notStopped } = this.stops;
    return notStopped === 0
      ? { status: 'up' }
      : { status: 'degraded', detail: `${notStopped} that were stopped may still run on the backup server` };
  }

  /** Told while it is so, for balancers to send callers elsewhere. */
  private stopping(): { replica?: HealthCheck } {
    return this.replica.isStopping
      ? { replica: { status: 'down', code: 'gateway-stopping', detail: 'the gateway is stopping' } }
      : {};
  }

  /** Absent where there are none. */
  private auditSinks(): { auditSinks?: HealthCheck } {
    const states = this.sinks.states();
    const behind = states.filter(({ isBehind }) => isBehind);
    if (states.length === 0) return {};
    if (behind.length === 0) return { auditSinks: { status: 'up' } };
    const detail = behind.map(({ name, lag }) => `${name} is ${lag} records behind`).join(', ');
    return { auditSinks: { status: 'degraded', detail } };
  }

  /** Told where there are webhooks. A receiver that takes none is no reason to send callers elsewhere. */
  private webhookDeliveries(): { webhooks?: HealthCheck } {
    const { webhooks, ownerNotice } = this.configuration;
    if (webhooks.length === 0 && ownerNotice === undefined) return {};
    const waitedMs = this.clock.now() - (this.webhooks.oldestPending?.getTime() ?? this.clock.now());
    return {
      webhooks:
        waitedMs > WEBHOOK_PATIENCE_MS
          ? { status: 'degraded', detail: `the oldest has waited for ${Math.floor(waitedMs / 60_000)} minutes` }
          : { status: 'up' },
    };
  }

  /** Up while any issuer's keys are usable: the others' callers get 503, everybody else is served. */
  private issuerKeys(): HealthCheck {
    const states = this.authenticator.issuerStates();
    const withoutKeys = states.filter(({ keyCount, isStale }) => keyCount === 0 || isStale);
    return {
      status: withoutKeys.length < states.length ? 'up' : 'down',
      ...(withoutKeys.length > 0 && {
        code: 'issuer-unavailable',
        detail: `no usable keys of ${withoutKeys.map(({ issuer }) => issuer).join(', ')}`,
      }),
    };
  }
}

async function healthOf({ name: backupServer, client }: BackupServer) {
  const { apiVersion, newerVersions } = await client.checkHealth();
  const newer =
    newerVersions.length > 0 ? `; ${newerVersions.join(', ')} is served too and not used until configured` : '';
  return { backupServer, detail: `API ${apiVersion}${newer}` };
}

async function check(work: () => Promise<HealthCheck>): Promise<HealthCheck> {
  try {
    return await work();
  } catch (error) {
    return { status: 'down', code: codeOf(error), detail: error instanceof Error ? error.message : 'unknown' };
  }
}
