import { DEVICE_CODE, organizationsOf } from './credential-profiles.js';
import { checkProductionUrl, isProduction, type RawEnvironment } from './environment.js';
import type { Faults } from './faults.js';
import { checkMailServer } from './mail-server.js';
import type { Settings } from './settings.js';
import { issuerOf } from './webhooks.js';

/** The rules between the parts of the YAML, and between it and the environment. */
export function checkReferences(settings: Settings, raw: RawEnvironment, faults: Faults): void {
  const organizations = settings.organizations.map(({ name }) => name);
  refuseRepeated(organizations, (index) => `organizations[${index}].name`, faults);
  checkBackupServers(settings, faults);
  checkIssuers(settings, raw, faults);
  checkRoleBindings(settings, raw, faults);
  checkProfiles(settings, faults);
  checkSinks(settings, raw, faults);
  checkWebhooks(settings, raw, faults);
  checkMailServer(settings.mailServer, faults);

  const { downloadsPerCaller, downloadsInAll, eventStreamsPerCaller, eventStreamsInAll } = settings.limits;
  if (downloadsPerCaller > downloadsInAll) {
    faults.add('limits.downloadsPerCaller', 'must not be larger than limits.downloadsInAll');
  }
  if (eventStreamsPerCaller > eventStreamsInAll) {
    faults.add('limits.eventStreamsPerCaller', 'must not be larger than limits.eventStreamsInAll');
  }
}

function checkBackupServers(settings: Settings, faults: Faults): void {
  const servers = settings.backupServers;
  servers.forEach(({ caFile, certFingerprint, organizations = [] }, index) => {
    const key = `backupServers[${index}]`;
    if (caFile !== undefined && certFingerprint !== undefined) {
      faults.add(key, 'must not have both of caFile and certFingerprint: there is one way to trust a server');
    }
    requireKnownOrganizations(organizations, `${key}.organizations`, settings, faults);
  });
  refuseRepeated(
    servers.map(({ name }) => name),
    (index) => `backupServers[${index}].name`,
    faults,
  );
  // One server by two names would be asked, and would answer, twice.
  const origins = servers.map(({ url }) => (URL.canParse(url) ? new URL(url).origin : ''));
  refuseRepeated(origins, (index) => `backupServers[${index}].url`, faults);
  const taken = servers.flatMap(({ organizations = [] }, server) => organizations.map((name) => ({ name, server })));
  refuseRepeated(
    taken.map(({ name }) => name),
    (index) => `backupServers[${taken[index]?.server ?? 0}].organizations`,
    faults,
  );
}

function checkIssuers(settings: Settings, raw: RawEnvironment, faults: Faults): void {
  const ofEnvironment = raw.SSO_ISSUER;
  if (ofEnvironment === undefined && settings.issuers.length === 0) {
    faults.add('SSO_ISSUER', 'is required unless the YAML names issuers');
  }
  if (ofEnvironment === undefined && settings.emailDomains !== undefined) {
    faults.add('emailDomains', 'needs SSO_ISSUER: it is about the issuer in the environment');
  }
  if (ofEnvironment === undefined && settings.ownershipByEmail !== undefined) {
    faults.add('ownershipByEmail', 'needs SSO_ISSUER: it is about the issuer in the environment');
  }
  settings.issuers.forEach(({ issuer, jwksUri, organizations }, index) => {
    const key = `issuers[${index}]`;
    if (issuer === ofEnvironment) faults.add(`${key}.issuer`, 'is already in SSO_ISSUER');
    checkProductionUrl(raw, `${key}.issuer`, issuer, faults);
    checkProductionUrl(raw, `${key}.jwksUri`, jwksUri, faults);
    requireKnownOrganizations(organizations, `${key}.organizations`, settings, faults);
  });
  const issuers = settings.issuers.map(({ issuer }) => issuer);
  refuseRepeated(issuers, (index) => `issuers[${index}].issuer`, faults);
}

function checkRoleBindings(settings: Settings, raw: RawEnvironment, faults: Faults): void {
  settings.roleBindings.forEach((binding, index) => {
    const key = `roleBindings[${index}]`;
    if (binding.group === undefined && binding.tokenRole === undefined && binding.scope === undefined) {
      faults.add(key, 'must have at least one of group, tokenRole and scope');
    }
    requireKnownOrganizations(binding.organizations, `${key}.organizations`, settings, faults);
    if (binding.issuer === undefined || binding.issuer === raw.SSO_ISSUER) return;
    const issuer = settings.issuers.find((known) => known.issuer === binding.issuer);
    if (!issuer) faults.add(`${key}.issuer`, 'must be one of the issuers');
    else if (!binding.organizations.every((name) => issuer.organizations.includes(name))) {
      faults.add(`${key}.organizations`, 'must be among those of the issuer');
    }
  });
}

function checkProfiles(settings: Settings, faults: Faults): void {
  const profiles = settings.credentialProfiles;
  profiles.forEach((profile, index) => {
    const key = `credentialProfiles[${index}]`;
    const { name, organization, organizations } = profile;
    if (name === DEVICE_CODE) faults.add(`${key}.name`, `must not be ${DEVICE_CODE}, which stands for no profile`);
    if ((organization === undefined) === (organizations === undefined)) {
      faults.add(`${key}.organizations`, 'exactly one of organization and organizations must be given');
    }
    const where = organization === undefined ? 'organizations' : 'organization';
    requireKnownOrganizations(organizationsOf(profile), `${key}.${where}`, settings, faults);
  });
  const names = profiles.map(({ name }) => name);
  refuseRepeated(names, (index) => `credentialProfiles[${index}].name`, faults);
  for (const { name } of settings.organizations) {
    const ofOrganization = profiles.filter((profile) => organizationsOf(profile).includes(name));
    const defaults = ofOrganization.filter((profile) => profile.default);
    if (defaults.length > 1 || (ofOrganization.length > 1 && defaults.length === 0)) {
      faults.add('credentialProfiles', `exactly one of those of ${name} must be the default`);
    }
  }
}

function checkSinks({ audit: { sinks } }: Settings, raw: RawEnvironment, faults: Faults): void {
  const names = sinks.map(({ name }) => name);
  refuseRepeated(names, (index) => `audit.sinks[${index}].name`, faults);
  sinks.forEach((sink, index) => {
    if (sink.kind !== 'syslog' || sink.transport !== 'tcp') return;
    const key = `audit.sinks[${index}]`;
    if (sink.caFile !== undefined) faults.add(`${key}.caFile`, 'goes with the transport tls only');
    if (isProduction(raw) && !['127.0.0.1', '::1', 'localhost'].includes(sink.host)) {
      faults.add(`${key}.transport`, 'must be tls in production, unless the receiver is on this machine');
    }
  });
}

function checkWebhooks(settings: Settings, raw: RawEnvironment, faults: Faults): void {
  const issuers = issuersOf(settings, raw);
  settings.webhooks.forEach(({ url, issuer }, index) => {
    const key = `webhooks[${index}]`;
    checkWebhookUrl(raw, `${key}.url`, url, faults);
    if (issuer !== undefined && !issuers.includes(issuer)) faults.add(`${key}.issuer`, 'must be one of the issuers');
    if (issuer === undefined && issuers.length > 1) {
      faults.add(`${key}.issuer`, 'is required where there are several issuers');
    }
  });
  const clients = settings.webhooks.map((webhook) => JSON.stringify([issuerOf(webhook, issuers), webhook.clientId]));
  refuseRepeated(clients, (index) => `webhooks[${index}].clientId`, faults);
  if (settings.ownerNotice === undefined) return;
  const { url, organizations = [] } = settings.ownerNotice;
  checkWebhookUrl(raw, 'ownerNotice.url', url, faults);
  requireKnownOrganizations(organizations, 'ownerNotice.organizations', settings, faults);
}

/** Names of people and what became of their data go there: nobody on the way may read it. */
function checkWebhookUrl(raw: RawEnvironment, key: string, url: string, faults: Faults): void {
  const { protocol, hostname } = new URL(url);
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  if (protocol === 'http:' && (isProduction(raw) || !isLoopback)) {
    faults.add(key, 'must be an https URL; http is for loopback, outside production');
  }
}

/** All there are, that of the environment first. */
export function issuersOf(settings: Settings, { SSO_ISSUER }: RawEnvironment): string[] {
  return [...(SSO_ISSUER === undefined ? [] : [SSO_ISSUER]), ...settings.issuers.map(({ issuer }) => issuer)];
}

function requireKnownOrganizations(names: readonly string[], key: string, settings: Settings, faults: Faults): void {
  const known = new Set(settings.organizations.map(({ name }) => name));
  if (!names.every((name) => known.has(name))) faults.add(key, 'must be among the names in organizations');
}

function refuseRepeated(values: readonly string[], keyOf: (index: number) => string, faults: Faults): void {
  values.forEach((value, index) => {
    const first = values.indexOf(value);
    if (first < index) faults.add(keyOf(index), `must differ from ${keyOf(first)}`);
  });
}
