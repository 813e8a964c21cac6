import { AuditWriter } from '@app/audit';
import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { AccessTokenAuthenticator } from '@app/identity';
import { addUpstreamTime, currentRequestContext, type Logger, Metrics, traceparent } from '@app/logging';
import { PolicySource } from '@app/policy';
import {
  Database,
  DeviceCodesRepository,
  OperationsRepository,
  RestoreSessionsRepository,
  UpstreamServersRepository,
} from '@app/store';
import { type UpstreamRequestEvent, VeeamClient } from '@app/veeam-client';
import { Inject, Injectable, type OnApplicationShutdown, type Provider } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION, LOGGER } from './tokens.js';

/** What the features stand on, made from the configuration: the one place where libs are put together. */
export function infrastructure(configuration: Configuration, clock: Clock, logger: Logger): Provider[] {
  return [
    { provide: CONFIGURATION, useValue: configuration },
    { provide: CLOCK, useValue: clock },
    { provide: LOGGER, useValue: logger },
    Metrics,
    { provide: Database, useFactory: () => createDatabase(configuration, logger) },
    ...[RestoreSessionsRepository, OperationsRepository, DeviceCodesRepository, UpstreamServersRepository].map(
      (repository) => ({
        provide: repository,
        useFactory: (database: Database) => new repository(database),
        inject: [Database],
      }),
    ),
    {
      provide: AccessTokenAuthenticator,
      useFactory: (metrics: Metrics) => createAuthenticator(configuration, clock, logger, metrics),
      inject: [Metrics],
    },
    {
      provide: AuditWriter,
      useFactory: (database: Database) => new AuditWriter({ database, clock, logger }),
      inject: [Database],
    },
    AuditTrail,
    {
      provide: PolicySource,
      useFactory: (trail: AuditTrail) => createPolicySource(configuration, logger, trail),
      inject: [AuditTrail],
    },
    {
      provide: VeeamClient,
      useFactory: (metrics: Metrics, servers: UpstreamServersRepository) =>
        createVeeamClient(configuration, clock, logger, metrics, servers),
      inject: [Metrics, UpstreamServersRepository],
    },
  ];
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
  { issuers, roleBindings }: Configuration,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
): AccessTokenAuthenticator {
  return new AccessTokenAuthenticator({
    issuers,
    roleBindings,
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
function createPolicySource({ policyDir }: Configuration, logger: Logger, trail: AuditTrail): PolicySource {
  return new PolicySource({
    ...(policyDir !== undefined && { folder: policyDir }),
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

function createVeeamClient(
  { upstream, secrets }: Configuration,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
  servers: UpstreamServersRepository,
): VeeamClient {
  return new VeeamClient({
    ...upstream,
    secrets,
    clock,
    versionMemory: {
      recall: () => servers.findApiVersion(upstream.url),
      keep: (version) => servers.keepApiVersion(upstream.url, version, new Date(clock.now())),
    },
    traceparent: () => traceparent(currentRequestContext()),
    requestId: () => currentRequestContext()?.requestId,
    onRequest: (event: UpstreamRequestEvent) => {
      metrics.countUpstreamRequest(
        event.method,
        event.route,
        event.status ?? event.errorCode ?? 'none',
        event.durationMs,
      );
      addUpstreamTime(event.durationMs);
      logger.debug(event, 'upstream request');
    },
  });
}

/** Closes what was opened, after everything that uses it has stopped. */
@Injectable()
export class InfrastructureShutdown implements OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly client: VeeamClient,
    private readonly trail: AuditTrail,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
    await this.trail.close();
    await this.database.close();
    this.logger.info('stopped');
  }
}
