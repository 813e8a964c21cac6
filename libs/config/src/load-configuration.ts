import { dirname, resolve } from 'node:path';
import { isIPv6 } from 'node:net';
import type { Configuration, IssuerConfiguration } from './configuration.js';
import { openSink } from './audit-sinks.js';
import { backupServerOfEnvironment, backupServerVariables, openBackupServers } from './backup-servers.js';
import { openProfile, referencedVariables, secretsOf } from './credential-profiles.js';
import { requireDatabaseUrl } from './database-url.js';
import {
  processEnvironment,
  readEnvironment,
  refuseLikelyTypos,
  withoutEmpty,
  type EnvironmentVariables,
} from './environment.js';
import { Faults } from './faults.js';
import { NamedFiles } from './files.js';
import { mailServerVariables, openMailServer } from './mail-server.js';
import { checkReferences, issuersOf } from './references.js';
import { SecretLoader } from './secret-loader.js';
import { readSettings } from './settings-file.js';
import type { EmailClaimsSettings, LimitSettings, Settings } from './settings.js';
import { wholeMatch, withoutTrailingSlash } from './validation.js';
import { keysOf, openWebhooks, webhookVariables } from './webhooks.js';

/**
 * Reads the environment, the YAML file it names and every secret both name, checks all of it and returns it, frozen.
 * @throws ConfigurationError with every fault there is
 */
export function loadConfiguration(environment: NodeJS.ProcessEnv = processEnvironment()): Promise<Configuration> {
  return load(environment, true);
}

/**
 * The same while the gateway runs, without looking at any file but the YAML: secrets are replaced by themselves, the rest is for the start,
 * and one that is broken or away must not keep the emergency stop from being taken over.
 * @throws ConfigurationError
 */
export function reloadConfiguration(environment: NodeJS.ProcessEnv = processEnvironment()): Promise<Configuration> {
  return load(environment, false);
}

async function load(environment: NodeJS.ProcessEnv, isStart: boolean): Promise<Configuration> {
  const faults = new Faults();
  const raw = withoutEmpty(environment);
  const variables = readEnvironment(raw, faults);
  const settingsPath = resolve(raw.GATEWAY_CONFIG ?? '');
  const settingsFile = raw.GATEWAY_CONFIG === undefined ? undefined : await readSettings(settingsPath, faults);
  const settings = settingsFile?.settings;
  if (settings) checkReferences(settings, raw, faults);
  const referenced =
    settings &&
    new Set([
      ...referencedVariables(settings.credentialProfiles),
      ...webhookVariables(settings),
      ...mailServerVariables(settings.mailServer),
      ...backupServerVariables(settings.backupServers),
    ]);
  refuseLikelyTypos(raw, referenced, faults);

  const loader = new SecretLoader(raw, faults, isStart);
  const files = new NamedFiles(faults, isStart);
  const databaseUrl = await loader.fromEnvironment('DATABASE_URL');
  if (isStart) requireDatabaseUrl('DATABASE_URL', databaseUrl, faults);
  const mayNameServers = settings === undefined && raw.GATEWAY_CONFIG !== undefined;
  const backupServers = settings?.backupServers.length
    ? await openBackupServers(settings.backupServers, dirname(settingsPath), raw, loader, files, faults)
    : await backupServerOfEnvironment(mayNameServers, variables, raw, loader, files, faults);
  const openings = (settings?.credentialProfiles ?? []).map((profile, index) =>
    openProfile(profile, `credentialProfiles[${index}]`, dirname(settingsPath), loader),
  );
  const credentialProfiles = (await Promise.all(openings)).filter((profile) => profile !== undefined);
  const sinks = await Promise.all(
    (settings?.audit.sinks ?? []).map((sink, index) =>
      openSink(sink, `audit.sinks[${index}]`, dirname(settingsPath), files),
    ),
  );
  const webhooks =
    settings && (await openWebhooks(settings, issuersOf(settings, raw), dirname(settingsPath), loader, files));
  const mailServer = await openMailServer(settings?.mailServer, dirname(settingsPath), loader);
  const databaseCaFile = await files.certificateOf(raw, 'DATABASE_CA_FILE');
  const policyDir = await files.folderOf(raw, 'POLICY_DIR');

  if (faults.hasAny || !settingsFile || !settings || !webhooks || !databaseUrl) {
    throw faults.toError();
  }

  return deepFreeze<Configuration>({
    server: {
      host: variables.HOST,
      port: variables.PORT,
      managementPort: variables.MANAGEMENT_PORT,
      publicUrl: withoutTrailingSlash(variables.PUBLIC_URL ?? localUrl(variables)),
      trustProxy: variables.TRUST_PROXY,
      docsEnabled: variables.DOCS_ENABLED,
    },
    logLevel: variables.LOG_LEVEL,
    database: { url: databaseUrl, caFile: databaseCaFile },
    issuers: [...issuerOfEnvironment(variables, settings), ...settings.issuers.map(issuerOfSettings)],
    backupServers,
    organizations: settings.organizations.map(({ name, deviceCodeApplicationId }) => ({
      name,
      deviceCodeApplicationId,
    })),
    roleBindings: settings.roleBindings.map(({ role, organizations, issuer, group, tokenRole, scope }) => ({
      role,
      organizations,
      issuer,
      group,
      tokenRole,
      scope,
    })),
    credentialProfiles,
    mail: { senders: settings.mail.senders, recipientDomains: settings.mail.recipientDomains },
    mailServer,
    ...webhooks,
    limits: limitsOf(settings.limits, variables.V5_MAX_WAIT),
    emergencyStop: settings.emergencyStop,
    reasonPattern: settings.reasonPattern === undefined ? undefined : wholeMatch(settings.reasonPattern),
    operatorCeilings: { actions: settings.operatorCeilings.actions, bytes: settings.operatorCeilings.bytes },
    settingsFile: { path: settingsPath, digest: settingsFile.digest },
    audit: { retentionMonths: settings.audit.retention?.months, sinks },
    policyDir,
    secrets: [
      databaseUrl,
      ...backupServers.map(({ password }) => password),
      ...credentialProfiles.flatMap(secretsOf),
      ...keysOf(webhooks),
      ...(mailServer?.login ? [mailServer.login.password] : []),
    ],
  });
}

/** The issuer of the environment speaks for every organization there is. */
function issuerOfEnvironment(variables: EnvironmentVariables, settings: Settings): IssuerConfiguration[] {
  if (variables.SSO_ISSUER === undefined) return [];
  const organizations = settings.organizations.map(({ name }) => name);
  return [
    {
      issuer: variables.SSO_ISSUER,
      audiences: variables.SSO_AUDIENCE ?? [],
      jwksUri: variables.SSO_JWKS_URI,
      algorithms: variables.SSO_ALGORITHMS,
      preset: variables.SSO_PRESET,
      tokenType: variables.SSO_TOKEN_TYPE,
      organizations,
      emailDomains: settings.emailDomains ?? organizations,
      ownershipByEmail: emailClaimsOf(settings.ownershipByEmail),
    },
  ];
}

function issuerOfSettings(settings: Settings['issuers'][number]): IssuerConfiguration {
  const { issuer, audiences, jwksUri, algorithms, preset, tokenType, organizations, emailDomains } = settings;
  const ownershipByEmail = emailClaimsOf(settings.ownershipByEmail);
  return { issuer, audiences, jwksUri, algorithms, preset, tokenType, organizations, emailDomains, ownershipByEmail };
}

function emailClaimsOf(claims: EmailClaimsSettings | undefined): IssuerConfiguration['ownershipByEmail'] {
  return claims && { addressClaim: claims.addressClaim, verifiedClaim: claims.verifiedClaim };
}

function limitsOf(limits: LimitSettings, v5MaxWaitMs: number): Configuration['limits'] {
  return {
    v5MaxWaitMs,
    sessionIdleMs: limits.sessionIdle,
    sessionsPerCaller: limits.sessionsPerCaller,
    downloadsPerCaller: limits.downloadsPerCaller,
    downloadsInAll: limits.downloadsInAll,
    eventStreamsPerCaller: limits.eventStreamsPerCaller,
    eventStreamsInAll: limits.eventStreamsInAll,
    requestsPerWindow: limits.requestsPerWindow,
    rateWindowMs: limits.rateWindow,
    denialsPerMinute: limits.denialsPerMinute,
    leaseMs: limits.lease,
    queueAgeMs: limits.queueAge,
    operationsPerOrganization: limits.operationsPerOrganization,
    followMaxMs: limits.followMax,
    reconcileMs: limits.reconcile,
    webhookAgeMs: limits.webhookAge,
    shutdownGraceMs: limits.shutdownGrace,
  };
}

function localUrl({ HOST, PORT }: EnvironmentVariables): string {
  return `http://${isIPv6(HOST) ? `[${HOST}]` : HOST}:${PORT}`;
}

/** Freezes mappings and lists; a `SecretSource` in them goes on changing inside. */
function deepFreeze<T>(value: T): T {
  if (Array.isArray(value) || (typeof value === 'object' && value !== null && isPlain(value))) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
