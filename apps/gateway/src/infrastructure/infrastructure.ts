import { AuditWriter } from '@app/audit';
import type { Clock } from '@app/clock';
import { type Configuration, type ConfigurationReload, ConfigurationSource } from '@app/config';
import { AccessTokenAuthenticator } from '@app/identity';
import { addUpstreamTime, currentRequestContext, type Logger, Metrics, traceparent } from '@app/logging';
import { PolicySource } from '@app/policy';
import {
  Database,
  DeviceCodesRepository,
  FormerUpstreamSessionsRepository,
  GatewayKeysRepository,
  OperationClaimsRepository,
  OperationsRepository,
  RestoreSessionsRepository,
  UpstreamServersRepository,
  WebhookDeliveriesRepository,
} from '@app/store';
import { BackupServers, type UpstreamRequestEvent, VeeamClient, type VeeamClientOptions } from '@app/veeam-client';
import { Inject, Injectable, type OnApplicationShutdown, type Provider } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CredentialCertificates } from '../credential-profiles/credential-certificates.js';
import { clientOptions } from './client-options.js';
import { KeyedHashes } from './keyed-hashes.js';
import { CLOCK, CONFIGURATION, LOGGER } from './tokens.js';

const repositories = [
  RestoreSessionsRepository,
  OperationsRepository,
  OperationClaimsRepository,
  DeviceCodesRepository,
  FormerUpstreamSessionsRepository,
  GatewayKeysRepository,
  UpstreamServersRepository,
  WebhookDeliveriesRepository,
];

export interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads the configuration anew. */
  readonly reload: () => Promise<Configuration>;
}

/** What the features stand on, made from the configuration: the one place where libs are put together. */
export function infrastructure(configuration: Configuration, { clock, logger, reload }: Surroundings): Provider[] {
  return [
    { provide: CONFIGURATION, useValue: configuration },
    { provide: CLOCK, useValue: clock },
    { provide: LOGGER, useValue: logger },
    Metrics,
    { provide: Database, useFactory: () => createDatabase(configuration, logger) },
    ...repositories.map((repository) => ({
      provide: repository,
      useFactory: (database: Database) => new repository(database),
      inject: [Database],
    })),
    {
      provide: AccessTokenAuthenticator,
      useFactory: (metrics: Metrics, live: ConfigurationSource) =>
        createAuthenticator(configuration, live, clock, logger, metrics),
      inject: [Metrics, ConfigurationSource],
    },
    {
      provide: AuditWriter,
      useFactory: (database: Database) => new AuditWriter({ database, clock, logger }),
      inject: [Database],
    },
    AuditTrail,
    KeyedHashes,
    {
      provide: CredentialCertificates,
      useFactory: () => CredentialCertificates.open(configuration, clock),
    },
    {
      provide: ConfigurationSource,
      useFactory: (trail: AuditTrail, policy: PolicySource) =>
        new ConfigurationSource(configuration, {
          load: reload,
          onReload: (came) => {
            onConfigurationReload(came, policy, logger, trail);
          },
        }),
      inject: [AuditTrail, PolicySource],
    },
    {
      provide: PolicySource,
      useFactory: (trail: AuditTrail) => createPolicySource(configuration, logger, trail),
      inject: [AuditTrail],
    },
    {
      provide: BackupServers,
      useFactory: (metrics: Metrics, versions: UpstreamServersRepository) =>
        createBackupServers(configuration, clock, logger, metrics, versions),
      inject: [Metrics, UpstreamServersRepository],
    },
  ];
}

function onConfigurationReload(
  came: ConfigurationReload,
  policy: PolicySource,
  logger: Logger,
  trail: AuditTrail,
): void {
  if (came.kind === 'refused') {
    logger.error({ err: came.error }, 'the configuration on disk is broken; the one before goes on');
    return;
  }
  const { digest, live, changed, waiting } = came;
  policy.setEmergencyStop(live.emergencyStop);
  logger.info({ digest, changed, emergencyStop: live.emergencyStop }, 'the configuration was replaced');
  if (waiting.length > 0) {
    logger.warn({ waiting }, 'parts of the configuration are taken over by a restart only');
  }
  trail.configurationReloaded(came);
}

function createDatabase({ database }: Configuration, logger: Logger): Database {
  return new Database({
    ...database,
    onIdleError: () => {
      logger.warn('an idle connection to the database broke');
    },
  });
}

function createAuthenticator(
  { issuers }: Configuration,
  live: ConfigurationSource,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
): AccessTokenAuthenticator {
  return new AccessTokenAuthenticator({
    issuers,
    roleBindings: () => live.current.roleBindings,
    clock,
    onRefused: (reason) => {
      metrics.countTokenRefusal(reason);
    },
    onRefreshFailed: (issuer, reason) => {
      logger.warn({ issuer, reason }, 'the keys of an issuer could not be refreshed');
    },
  });
}

/** @throws PolicySetError when the policy is broken: there is no start without one */
function createPolicySource(
  { policyDir, emergencyStop }: Configuration,
  logger: Logger,
  trail: AuditTrail,
): PolicySource {
  return new PolicySource({
    ...(policyDir !== undefined && { folder: policyDir }),
    isStopped: emergencyStop,
    onReload: (reload) => {
      if (reload.kind === 'replaced') {
        logger.info({ digest: reload.digest, replaced: reload.replaced }, 'the policy was replaced');
        trail.policyReloaded(reload);
      } else {
        logger.error({ err: reload.error }, 'the policy on disk is broken; the one before goes on');
      }
    },
  });
}

function createBackupServers(
  { backupServers, secrets }: Configuration,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
  versions: UpstreamServersRepository,
): BackupServers {
  const all = backupServers.map((server) => {
    const { name, organizations } = server;
    const client = new VeeamClient({
      ...clientOptions(server, secrets, clock),
      ...watched(name, logger, metrics),
      versionMemory: {
        recall: () => versions.findApiVersion(server),
        keep: (version) => versions.keepApiVersion(server, version, new Date(clock.now())),
      },
    });
    return { name, organizations, client };
  });
  return new BackupServers(all, clock);
}

/** What tells of the requests to a server, and tells it of ours. */
function watched(
  backupServer: string,
  logger: Logger,
  metrics: Metrics,
): Pick<VeeamClientOptions, 'traceparent' | 'requestId' | 'onRequest'> {
  return {
    traceparent: () => traceparent(currentRequestContext()),
    requestId: () => currentRequestContext()?.requestId,
    onRequest: (event: UpstreamRequestEvent) => {
      metrics.countUpstreamRequest(
        backupServer,
        event.method,
        event.route,
        event.status ?? event.errorCode ?? 'none',
        event.durationMs,
      );
      addUpstreamTime(backupServer, event.durationMs);
      logger.debug({ backupServer, ...event }, 'upstream request');
    },
  };
}

/** Closes what was opened, after everything that uses it has stopped. */
@Injectable()
export class InfrastructureShutdown implements OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly servers: BackupServers,
    private readonly trail: AuditTrail,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.servers.close();
    await this.trail.close();
    await this.database.close();
    this.logger.info('stopped');
  }
}
