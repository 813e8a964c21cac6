import type { Configuration } from '@app/config';
import { AccessTokenGuard } from '@app/identity';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';

import { ActionQuestions } from './actions/action-questions.service.js';
import { ActionsService } from './actions/actions.service.js';
import {
  DocumentActionsController,
  DocumentsActionsController,
  DocumentVersionActionsController,
} from './actions/document-actions.controller.js';
import {
  FolderActionsController,
  FoldersActionsController,
  FolderVersionActionsController,
} from './actions/folder-actions.controller.js';
import { OneDriveActionsController } from './actions/onedrive-actions.controller.js';
import { OperatorCeilings } from './actions/operator-ceilings.js';
import { OperationResponder } from './actions/operation-responder.js';
import { RepeatedRequests } from './actions/repeated-requests.service.js';
import { AuditExportResponder } from './audit/audit-export-responder.js';
import { AuditRecordsController } from './audit/audit-records.controller.js';
import { AuditRecordsService } from './audit/audit-records.service.js';
import { AuditSinks } from './audit/audit-sinks.js';
import { TrailRights } from './audit/trail-rights.js';
import { ServiceStart } from './audit/service-start.js';
import { CatalogService } from './catalog/catalog.service.js';
import { FoldersController } from './catalog/folders.controller.js';
import { DocumentsController } from './catalog/documents.controller.js';
import { OneDriveOwners } from './catalog/onedrive-owners.service.js';
import { OneDrivesController } from './catalog/onedrives.controller.js';
import { OrganizationsController } from './catalog/organizations.controller.js';
import { CredentialExpiry } from './credential-profiles/credential-expiry.js';
import { CredentialProfileListing } from './credential-profiles/credential-profile-listing.service.js';
import { CredentialProfilesController } from './credential-profiles/credential-profiles.controller.js';
import { CredentialProfilesService } from './credential-profiles/credential-profiles.service.js';
import { SecretRotation } from './credential-profiles/secret-rotation.js';
import { DeviceCodesController } from './device-codes/device-codes.controller.js';
import { DeviceCodesService } from './device-codes/device-codes.service.js';
import { HeldDeviceCodes } from './device-codes/held-device-codes.js';
import { DownloadResponder } from './downloads/download-responder.js';
import { SavesService } from './downloads/saves.service.js';
import { ServerDownloads } from './downloads/server-downloads.js';
import { HealthController } from './health/health.controller.js';
import { HealthService } from './health/health.service.js';
import { ProtectedResourceController } from './health/protected-resource.controller.js';
import { IdempotencyKeyGuard } from './http/idempotency-key.js';
import { RateLimitGuard, rateLimitOptions } from './http/rate-limit.guard.js';
import { ConfigurationWatch } from './infrastructure/configuration-watch.js';
import { infrastructure, InfrastructureShutdown, type Surroundings } from './infrastructure/infrastructure.js';
import { ManagementServer } from './management/management-server.js';
import { BlockingProgress } from './operations/blocking-progress.js';
import { ClaimedOperations } from './operations/claimed-operations.js';
import { FollowedOperations } from './operations/followed-operations.js';
import { LeftOperations } from './operations/left-operations.js';
import { ItemPaths } from './one-call/item-paths.service.js';
import { ItemSizes } from './one-call/item-sizes.service.js';
import { OneCallResponder } from './one-call/one-call-responder.js';
import { OneCallController } from './one-call/one-call.controller.js';
import { OneCallService } from './one-call/one-call.service.js';
import { UsersOneDrive } from './one-call/users-onedrive.service.js';
import { OperationEnds } from './operations/operation-ends.js';
import { OperationEventsResponder } from './operations/operation-events-responder.js';
import { OperationEventsService } from './operations/operation-events.service.js';
import { OperationNews } from './operations/operation-news.js';
import { OperationReconciliations } from './operations/operation-reconciliations.js';
import { OperationTraces } from './operations/operation-traces.js';
import { OperationRunner } from './operations/operation-runner.js';
import { OperationSubmission } from './operations/operation-submission.js';
import { OperationsController } from './operations/operations.controller.js';
import { OperationsService } from './operations/operations.service.js';
import { Replica } from './operations/replica.js';
import { RunningOperations } from './operations/running-operations.js';
import { StartDecisions } from './operations/start-decisions.js';
import { AuditAccess } from './policy/audit-access.service.js';
import { AuthorizationService } from './policy/authorization.service.js';
import { GatewayAccess } from './policy/gateway-access.service.js';
import { CredentialAccess } from './policy/credential-access.service.js';
import { MailRules } from './policy/mail-rules.service.js';
import { ItemAuthorization } from './policy/item-authorization.service.js';
import { ItemDecisions } from './policy/item-decisions.service.js';
import { ItemLookup } from './policy/item-lookup.service.js';
import { OwnershipService } from './policy/ownership.service.js';
import { PolicyController } from './policy/policy.controller.js';
import { PolicyGuard } from './policy/policy.guard.js';
import { PolicyWatch } from './policy/policy-watch.js';
import { ReasonRules } from './policy/reason-rules.service.js';
import { RouteDeclarations } from './policy/route-declarations.js';
import { UserDirectory } from './policy/user-directory.js';
import { RestoreSessionEnds } from './restore-sessions/restore-session-ends.js';
import { RestoreSessionExpiry } from './restore-sessions/restore-session-expiry.js';
import { RestoreSessionReopening } from './restore-sessions/restore-session-reopening.js';
import { RestoreSessionsController } from './restore-sessions/restore-sessions.controller.js';
import { RestoreSessionsService } from './restore-sessions/restore-sessions.service.js';
import { UpstreamStops } from './restore-sessions/upstream-stops.js';
import { SendReadinessController } from './send-readiness/send-readiness.controller.js';
import { SendReadinessService } from './send-readiness/send-readiness.service.js';
import { V5ActionResponder } from './v5-compatibility/v5-action-responder.js';
import { V5OrganizationsController } from './v5-compatibility/v5-organizations.controller.js';
import { V5RestoreSessionsController } from './v5-compatibility/v5-restore-sessions.controller.js';
import { WebhookDispatcher } from './webhooks/webhook-dispatcher.js';
import { WebhookOutbox } from './webhooks/webhook-outbox.js';

const controllers = [
  OrganizationsController,
  RestoreSessionsController,
  OneDrivesController,
  FoldersController,
  DocumentsController,
  OneDriveActionsController,
  FolderActionsController,
  FolderVersionActionsController,
  FoldersActionsController,
  DocumentActionsController,
  DocumentVersionActionsController,
  DocumentsActionsController,
  OneCallController,
  DeviceCodesController,
  OperationsController,
  SendReadinessController,
  PolicyController,
  AuditRecordsController,
  CredentialProfilesController,
  V5OrganizationsController,
  V5RestoreSessionsController,
  HealthController,
  ProtectedResourceController,
];

/** In the order a request meets them. */
const guards = [
  { provide: APP_GUARD, useClass: AccessTokenGuard },
  { provide: APP_GUARD, useClass: RateLimitGuard },
  { provide: APP_GUARD, useClass: PolicyGuard },
  { provide: APP_GUARD, useClass: IdempotencyKeyGuard },
];

const services = [
  RouteDeclarations,
  PolicyWatch,
  ConfigurationWatch,
  ServiceStart,
  TrailRights,
  ReasonRules,
  UserDirectory,
  OwnershipService,
  ItemLookup,
  AuthorizationService,
  ItemAuthorization,
  ItemDecisions,
  AuditAccess,
  GatewayAccess,
  SendReadinessService,
  CredentialAccess,
  AuditRecordsService,
  AuditExportResponder,
  AuditSinks,
  MailRules,
  OneDriveOwners,
  CatalogService,
  RestoreSessionsService,
  UpstreamStops,
  RestoreSessionEnds,
  RestoreSessionReopening,
  RestoreSessionExpiry,
  CredentialProfilesService,
  CredentialExpiry,
  CredentialProfileListing,
  SecretRotation,
  DeviceCodesService,
  HeldDeviceCodes,
  OperatorCeilings,
  RepeatedRequests,
  ActionQuestions,
  ActionsService,
  OperationResponder,
  Replica,
  OperationNews,
  OperationEnds,
  ClaimedOperations,
  RunningOperations,
  StartDecisions,
  BlockingProgress,
  OperationSubmission,
  FollowedOperations,
  OperationReconciliations,
  OperationTraces,
  LeftOperations,
  OperationRunner,
  OperationsService,
  OperationEventsService,
  OperationEventsResponder,
  SavesService,
  ServerDownloads,
  DownloadResponder,
  UsersOneDrive,
  ItemPaths,
  ItemSizes,
  OneCallService,
  OneCallResponder,
  V5ActionResponder,
  WebhookOutbox,
  WebhookDispatcher,
  HealthService,
  ManagementServer,
];

@Module({})
export class AppModule {
  static forConfiguration(configuration: Configuration, surroundings: Surroundings): DynamicModule {
    return {
      module: AppModule,
      imports: [DiscoveryModule, ThrottlerModule.forRoot(rateLimitOptions(configuration.limits))],
      controllers,
      providers: [...infrastructure(configuration, surroundings), InfrastructureShutdown, ...guards, ...services],
    };
  }
}
