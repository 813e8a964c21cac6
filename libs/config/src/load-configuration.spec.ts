import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { stringify } from 'yaml';
import { faultsOf } from '../spec-support/faults-of.js';
import { loadConfiguration, reloadConfiguration } from './load-configuration.js';

const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const applicationId = '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b001';

const issuer = {
  issuer: 'https://login.fabrikam.com',
  audiences: ['restore-gateway'],
  organizations: ['fabrikam.onmicrosoft.com'],
  emailDomains: ['fabrikam.com'],
};
const userProfile = {
  name: 'contoso-user',
  organization: 'contoso.onmicrosoft.com',
  kind: 'user',
  userName: 'restore@contoso.onmicrosoft.com',
  password: { env: 'CONTOSO_PASSWORD' },
};
const applicationProfile = {
  name: 'fabrikam-app',
  organization: 'fabrikam.onmicrosoft.com',
  kind: 'application',
  applicationId,
  certificate: { file: 'fabrikam.pfx' },
  certificatePassword: { file: 'fabrikam.password' },
};
const settings = {
  organizations: [{ name: 'contoso.onmicrosoft.com' }, { name: 'fabrikam.onmicrosoft.com' }],
  issuers: [issuer],
  roleBindings: [{ role: 'operator', organizations: ['contoso.onmicrosoft.com'], group: 'restorers' }],
  credentialProfiles: [userProfile, applicationProfile],
};

describe('loadConfiguration', () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'load-configuration-'));
    environment = {
      DATABASE_URL: 'postgresql://gateway:db-secret-1@127.0.0.1:5432/gateway',
      SSO_ISSUER: 'https://sso.contoso.com/',
      SSO_AUDIENCE: 'restore-gateway',
      VEEAM_URL: 'https://backup.contoso.com:4443/',
      VEEAM_USERNAME: 'gateway',
      VEEAM_PASSWORD: 'veeam-secret-2',
      CONTOSO_PASSWORD: 'contoso-secret-3',
      GATEWAY_CONFIG: await write('gateway.yaml', stringify(settings)),
    };
    await write('fabrikam.pfx', Buffer.from([0x30, 0x03, 0x02, 0x01, 0x03]));
    await write('fabrikam.password', 'fabrikam-secret-4\n');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function write(name: string, content: string | Buffer): Promise<string> {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  }

  async function writeSettings(changes: object): Promise<void> {
    await write('gateway.yaml', stringify({ ...settings, ...changes }, { aliasDuplicateObjects: false }));
  }

  async function faultsWith(changes: NodeJS.ProcessEnv = {}): Promise<string[]> {
    return faultsOf(loadConfiguration({ ...environment, ...changes }));
  }

  it('fills everything that was not said with safe defaults', async () => {
    const { database, backupServers, credentialProfiles, secrets, ...rest } = await loadConfiguration(environment);
    const [server, ...others] = backupServers;

    expect(rest).toEqual({
      server: {
        host: '127.0.0.1',
        port: 3000,
        managementPort: 3001,
        publicUrl: 'http://127.0.0.1:3000',
        trustProxy: [],
        docsEnabled: false,
      },
      logLevel: 'info',
      issuers: [
        {
          issuer: 'https://sso.contoso.com/',
          audiences: ['restore-gateway'],
          jwksUri: undefined,
          algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
          preset: 'generic',
          tokenType: 'at+jwt',
          organizations: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
          emailDomains: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
        },
        {
          ...issuer,
          jwksUri: undefined,
          algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
          preset: 'generic',
          tokenType: 'at+jwt',
        },
      ],
      organizations: [
        { name: 'contoso.onmicrosoft.com', deviceCodeApplicationId: undefined },
        { name: 'fabrikam.onmicrosoft.com', deviceCodeApplicationId: undefined },
      ],
      roleBindings: [
        {
          role: 'operator',
          organizations: ['contoso.onmicrosoft.com'],
          issuer: undefined,
          group: 'restorers',
          tokenRole: undefined,
          scope: undefined,
        },
      ],
      mail: { senders: [], recipientDomains: [] },
      webhooks: [],
      ownerNotice: undefined,
      limits: {
        v5MaxWaitMs: 3_600_000,
        sessionIdleMs: 1_800_000,
        sessionsPerCaller: 500,
        downloadsPerCaller: 32,
        downloadsInAll: 256,
        eventStreamsPerCaller: 32,
        eventStreamsInAll: 1_000,
        requestsPerWindow: 3_000,
        rateWindowMs: 60_000,
        denialsPerMinute: 60,
        leaseMs: 60_000,
        queueAgeMs: 900_000,
        operationsPerOrganization: 50,
        followMaxMs: 86_400_000,
        reconcileMs: 86_400_000,
        webhookAgeMs: 86_400_000,
        shutdownGraceMs: 30_000,
      },
      emergencyStop: false,
      reasonPattern: undefined,
      operatorCeilings: { actions: undefined, bytes: undefined },
      settingsFile: { path: environment.GATEWAY_CONFIG, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      audit: { retentionMonths: undefined, sinks: [] },
      policyDir: undefined,
    });
    expect(database.caFile).toBeUndefined();
    expect(others).toEqual([]);
    expect(server).toMatchObject({
      name: 'default',
      url: 'https://backup.contoso.com:4443',
      apiVersion: 'auto',
      trust: { kind: 'system' },
    });
    expect(server?.username.current.expose()).toBe('gateway');
    const common = { isDefault: false, actions: ['restore', 'copy'], region: undefined };
    expect(credentialProfiles).toMatchObject([
      { name: 'contoso-user', organizations: ['contoso.onmicrosoft.com'], kind: 'user', ...common },
      { name: 'fabrikam-app', organizations: ['fabrikam.onmicrosoft.com'], kind: 'application', ...common },
    ]);
    expect(secrets.map(({ description, current }) => [description, current.expose()])).toEqual([
      ['DATABASE_URL', environment.DATABASE_URL],
      ['VEEAM_PASSWORD', 'veeam-secret-2'],
      ['CONTOSO_PASSWORD', 'contoso-secret-3'],
      [join(folder, 'fabrikam.pfx'), 'MAMCAQM='],
      [join(folder, 'fabrikam.password'), 'fabrikam-secret-4'],
    ]);
  });

  it('takes every variable', async () => {
    const configuration = await loadConfiguration({
      ...environment,
      HOST: '::',
      PORT: '8080',
      MANAGEMENT_PORT: '8081',
      PUBLIC_URL: 'https://restore.contoso.com/gateway/',
      TRUST_PROXY: '10.0.0.0/8, 192.0.2.7,2001:db8::/32',
      DATABASE_CA_FILE: await write('db-ca.pem', certificate),
      SSO_AUDIENCE: 'restore-gateway, api://restore',
      SSO_JWKS_URI: 'https://sso.contoso.com/keys',
      SSO_ALGORITHMS: 'ES256',
      SSO_PRESET: 'entra',
      SSO_TOKEN_TYPE: 'JWT',
      VEEAM_API_VERSION: 'v8',
      VEEAM_CERT_FINGERPRINT: Array.from({ length: 32 }, () => 'AB').join(':'),
      POLICY_DIR: folder,
      LOG_LEVEL: 'debug',
      DOCS_ENABLED: 'true',
      V5_MAX_WAIT: '90',
      NODE_ENV: 'production',
    });
    expect(configuration.server).toEqual({
      host: '::',
      port: 8080,
      managementPort: 8081,
      publicUrl: 'https://restore.contoso.com/gateway',
      trustProxy: ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'],
      docsEnabled: true,
    });
    expect(configuration.database.caFile).toBe(join(folder, 'db-ca.pem'));
    expect(configuration.issuers[0]).toMatchObject({
      audiences: ['restore-gateway', 'api://restore'],
      jwksUri: 'https://sso.contoso.com/keys',
      algorithms: ['ES256'],
      preset: 'entra',
      tokenType: 'JWT',
    });
    expect(configuration.backupServers[0]).toMatchObject({
      apiVersion: 'v8',
      trust: { kind: 'fingerprint', sha256: 'ab'.repeat(32) },
    });
    expect(configuration).toMatchObject({ logLevel: 'debug', policyDir: folder, limits: { v5MaxWaitMs: 90_000 } });
  });

  it.each([
    ['30m', 1_800_000],
    ['1h', 3_600_000],
    ['1500ms', 1_500],
    ['5', 5_000],
  ])('reads V5_MAX_WAIT=%s as a duration', async (V5_MAX_WAIT, expected) => {
    expect((await loadConfiguration({ ...environment, V5_MAX_WAIT })).limits.v5MaxWaitMs).toBe(expected);
  });

  it('takes secrets from files, empty variables as absent, and relative paths from the working folder', async () => {
    const {
      database,
      backupServers: [server],
    } = await loadConfiguration({
      ...environment,
      DATABASE_URL: '',
      DATABASE_URL_FILE: await write('database-url', 'postgres://gateway:file-secret@db/gateway\n'),
      VEEAM_USERNAME: '',
      VEEAM_USERNAME_FILE: await write('username', 'CONTOSO\\gateway\r\n'),
      VEEAM_CA_FILE: resolve(await write('ca.pem', certificate)),
      VEEAM_CERT_FINGERPRINT: '',
      PORT: '',
    });
    expect(database.url.current.expose()).toBe('postgres://gateway:file-secret@db/gateway');
    expect(server?.username.current.expose()).toBe('CONTOSO\\gateway');
    expect(server?.trust).toEqual({ kind: 'ca', caFile: join(folder, 'ca.pem') });
  });

  it('takes sinks of the audit trail and its retention, with paths from the folder of the file', async () => {
    await write('siem-ca.pem', certificate);
    await writeSettings({
      audit: {
        retention: { months: 13 },
        sinks: [
          { name: 'SIEM', kind: 'syslog', host: 'siem.contoso.com', caFile: 'siem-ca.pem' },
          { name: 'file', kind: 'file', path: 'audit.ndjson' },
        ],
      },
    });
    expect((await loadConfiguration(environment)).audit).toEqual({
      retentionMonths: 13,
      sinks: [
        {
          ...{ kind: 'syslog', name: 'siem', host: 'siem.contoso.com', port: 6514, transport: 'tls' },
          caFile: join(folder, 'siem-ca.pem'),
        },
        { kind: 'file', name: 'file', path: join(folder, 'audit.ndjson') },
      ],
    });
  });

  it('refuses sinks of the audit trail that would not work, or would send it in the clear', async () => {
    const relay = { kind: 'syslog', host: '127.0.0.1', transport: 'tcp' };
    await writeSettings({
      audit: {
        sinks: [
          { ...relay, name: 'relay' },
          { ...relay, name: 'relay', host: 'siem.contoso.com' },
          { ...relay, name: 'other', caFile: 'gateway.yaml' },
          { name: 'file', kind: 'file', path: 'nowhere/audit.ndjson' },
        ],
      },
    });
    expect((await faultsWith({ NODE_ENV: 'production' })).sort()).toEqual([
      'audit.sinks[1].name: must differ from audit.sinks[0].name',
      'audit.sinks[1].transport: must be tls in production, unless the receiver is on this machine',
      'audit.sinks[2].caFile: goes with the transport tls only',
      'audit.sinks[2].caFile: must name a file with a certificate in PEM form',
      'audit.sinks[3].path: cannot be read (ENOENT)',
    ]);
  });

  it('writes names in lower case', async () => {
    await writeSettings({
      organizations: [{ name: 'Contoso.OnMicrosoft.com' }, { name: 'fabrikam.onmicrosoft.com' }],
      mail: { senders: ['Restore@Contoso.com'], recipientDomains: ['Contoso.COM'] },
      credentialProfiles: [{ ...userProfile, name: 'Contoso-User', organization: 'CONTOSO.onmicrosoft.com' }],
      emailDomains: ['Contoso.com'],
    });
    const configuration = await loadConfiguration(environment);
    expect(configuration.organizations[0]?.name).toBe('contoso.onmicrosoft.com');
    expect(configuration.mail).toEqual({ senders: ['restore@contoso.com'], recipientDomains: ['contoso.com'] });
    expect(configuration.credentialProfiles[0]).toMatchObject({
      name: 'contoso-user',
      organizations: ['contoso.onmicrosoft.com'],
    });
    expect(configuration.issuers[0]?.emailDomains).toEqual(['contoso.com']);
  });

  it('lets an address prove ownership only where both of its claims are named', async () => {
    const ownershipByEmail = { addressClaim: 'mail', verifiedClaim: 'Mail_Verified' };
    await writeSettings({ ownershipByEmail });
    const { issuers } = await loadConfiguration(environment);
    expect(issuers.map((known) => known.ownershipByEmail)).toEqual([ownershipByEmail, undefined]);
    await writeSettings({ issuers: [{ ...issuer, ownershipByEmail }] });
    const other = await loadConfiguration(environment);
    expect(other.issuers.map((known) => known.ownershipByEmail)).toEqual([undefined, ownershipByEmail]);
  });

  it('reads the mail server of upstream, with its password', async () => {
    const mailServer = { host: 'smtp.contoso.com', from: 'Restore@contoso.com' };
    await writeSettings({ mailServer });
    const common = { host: 'smtp.contoso.com', port: 587, from: 'restore@contoso.com', usesTls: true };
    expect((await loadConfiguration(environment)).mailServer).toEqual({ ...common, login: undefined });
    const login = { userName: 'mailer', password: { env: 'CONTOSO_PASSWORD' } };
    await writeSettings({ mailServer: { ...mailServer, port: 25, tls: false, ...login }, credentialProfiles: [] });
    const configuration = await loadConfiguration(environment);
    const password = configuration.mailServer?.login?.password;
    expect(configuration.mailServer).toMatchObject({ port: 25, usesTls: false, login: { userName: 'mailer' } });
    expect(password?.current.expose()).toBe('contoso-secret-3');
    expect(configuration.secrets).toContain(password);
  });

  it('needs no issuer in the environment when the YAML has some', async () => {
    const { issuers } = await loadConfiguration({ ...environment, SSO_ISSUER: '', SSO_AUDIENCE: '' });
    expect(issuers.map((known) => known.issuer)).toEqual(['https://login.fabrikam.com']);
  });

  it('cannot be changed and shows no secret when printed', async () => {
    const configuration = await loadConfiguration(environment);
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      ![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value) as object[]) ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(configuration)).toBe(true);
    expect(Object.isFrozen(configuration.issuers[0]?.audiences)).toBe(true);
    const printed = inspect(configuration, { depth: 20, showHidden: true }) + JSON.stringify(configuration);
    expect(printed).not.toMatch(/secret-\d/);
  });

  it.each<[NodeJS.ProcessEnv, string]>([
    [{ HOST: 'not a host' }, 'HOST: must be an IP address or a host name'],
    [{ PORT: '0x10' }, 'PORT: must be a whole number from 0 to 65535'],
    [{ PORT: '65536' }, 'PORT: must be a whole number from 0 to 65535'],
    [{ MANAGEMENT_PORT: '3000' }, 'MANAGEMENT_PORT: must differ from PORT'],
    [
      { PUBLIC_URL: 'restore.contoso.com' },
      'PUBLIC_URL: must be an http or https URL without user, query and fragment',
    ],
    [{ TRUST_PROXY: 'loopback' }, 'TRUST_PROXY: must list IP addresses or networks such as 10.0.0.0/8'],
    [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY: must list IP addresses or networks such as 10.0.0.0/8'],
    [{ TRUST_PROXY: '0.0.0.0/0' }, 'TRUST_PROXY: must list IP addresses or networks such as 10.0.0.0/8'],
    [{ DATABASE_URL: 'mysql://gateway@db' }, 'DATABASE_URL: must be a postgresql:// URL'],
    [{ DATABASE_URL: '' }, 'DATABASE_URL: exactly one of DATABASE_URL and DATABASE_URL_FILE must be given'],
    [{ DATABASE_CA_FILE: '/nowhere' }, 'DATABASE_CA_FILE: cannot be read (ENOENT)'],
    [
      { SSO_ISSUER: 'https://sso.contoso.com?x=1' },
      'SSO_ISSUER: must be an http or https URL without user, query and fragment',
    ],
    [{ SSO_AUDIENCE: '' }, 'SSO_AUDIENCE: is required: what access tokens for the gateway name as their audience'],
    [{ SSO_AUDIENCE: ',' }, 'SSO_AUDIENCE: must not be empty'],
    [{ SSO_ISSUER: '' }, 'SSO_AUDIENCE: needs SSO_ISSUER'],
    [{ SSO_ISSUER: 'https://login.fabrikam.com' }, 'issuers[0].issuer: is already in SSO_ISSUER'],
    [
      { SSO_ALGORITHMS: 'RS256,HS256' },
      'SSO_ALGORITHMS: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512',
    ],
    [
      { SSO_ALGORITHMS: 'none' },
      'SSO_ALGORITHMS: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512',
    ],
    [{ SSO_PRESET: 'google' }, 'SSO_PRESET: must be one of generic, entra, okta, keycloak, ping'],
    [{ SSO_TOKEN_TYPE: 'jwt' }, 'SSO_TOKEN_TYPE: must be one of at+jwt, JWT'],
    [{ VEEAM_URL: '' }, 'VEEAM_URL: is required unless the YAML names backupServers'],
    [{ VEEAM_URL: 'http://backup:4443' }, 'VEEAM_URL: must be an https URL without user, path, query and fragment'],
    [{ VEEAM_URL: 'https://backup:4443/v5' }, 'VEEAM_URL: must be an https URL without user, path, query and fragment'],
    [
      { VEEAM_URL: 'https://admin:pw@backup:4443' },
      'VEEAM_URL: must be an https URL without user, path, query and fragment',
    ],
    [{ VEEAM_API_VERSION: 'v4' }, 'VEEAM_API_VERSION: must be one of auto, v5, v6, v7, v8'],
    [{ VEEAM_CA_FILE: '/dev/null' }, 'VEEAM_CA_FILE: must name a file with a certificate in PEM form'],
    [
      { VEEAM_CERT_FINGERPRINT: 'AB:CD' },
      'VEEAM_CERT_FINGERPRINT: must be a SHA-256 fingerprint: 64 hex digits, with or without colons',
    ],
    [{ VEEAM_DANGEROUSLY_SKIP_TLS: 'yes' }, 'VEEAM_DANGEROUSLY_SKIP_TLS: must be true or false'],
    [
      { VEEAM_DANGEROUSLY_SKIP_TLS: 'true', NODE_ENV: 'production' },
      'VEEAM_DANGEROUSLY_SKIP_TLS: is refused in production',
    ],
    [
      { VEEAM_DANGEROUSLY_SKIP_TLS: 'true', VEEAM_CERT_FINGERPRINT: 'ab'.repeat(32) },
      'VEEAM_CA_FILE, VEEAM_CERT_FINGERPRINT, VEEAM_DANGEROUSLY_SKIP_TLS: at most one of them may be given: there is one way to trust the upstream',
    ],
    [
      { VEEAM_PASSWORD_FILE: '/run/secrets/x' },
      'VEEAM_PASSWORD: exactly one of VEEAM_PASSWORD and VEEAM_PASSWORD_FILE must be given',
    ],
    [{ VEEAM_PASSWORD: '', VEEAM_PASSWORD_FILE: '/nowhere' }, 'VEEAM_PASSWORD_FILE: cannot be read (ENOENT)'],
    [{ VEEAM_USERNAME: '' }, 'VEEAM_USERNAME: exactly one of VEEAM_USERNAME and VEEAM_USERNAME_FILE must be given'],
    [{ GATEWAY_CONFIG: '/nowhere' }, 'GATEWAY_CONFIG: cannot be read (ENOENT)'],
    [{ GATEWAY_CONFIG: '' }, 'GATEWAY_CONFIG: must be text'],
    [{ POLICY_DIR: '/dev/null' }, 'POLICY_DIR: must name a folder'],
    [{ LOG_LEVEL: 'verbose' }, 'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent'],
    [{ DOCS_ENABLED: 'on' }, 'DOCS_ENABLED: must be true or false'],
    [{ V5_MAX_WAIT: '2 hours' }, 'V5_MAX_WAIT: must be a duration such as 90s, 30m or 1h, from 1s to 24h'],
    [{ V5_MAX_WAIT: '48h' }, 'V5_MAX_WAIT: must be a duration such as 90s, 30m or 1h, from 1s to 24h'],
    [{ CONTOSO_PASSWORD: '' }, 'credentialProfiles[0].password.env: must name a variable that is set'],
    [{ VEEAM_PASWORD: 'x' }, 'VEEAM_PASWORD: is not a known variable'],
    [{ SSO_AUDIENCES: 'x' }, 'SSO_AUDIENCES: is not a known variable'],
    [{ DATABASE_CA: 'x' }, 'DATABASE_CA: is not a known variable'],
    [
      { SSO_ISSUER: 'http://sso.contoso.com', NODE_ENV: 'production' },
      'SSO_ISSUER: must be an https URL in production',
    ],
    [
      { SSO_JWKS_URI: 'http://sso.contoso.com', NODE_ENV: 'production' },
      'SSO_JWKS_URI: must be an https URL in production',
    ],
  ])('with %j says %s', async (changes, fault) => {
    expect(await faultsWith(changes)).toEqual([fault]);
  });

  it.each<[string, object, string[]]>([
    [
      'a mail server with a user and no password',
      { mailServer: { host: 'smtp.contoso.com', from: 'restore@contoso.com', userName: 'mailer' } },
      ['mailServer: must have both of userName and password, or none'],
    ],
    [
      'a mail server that is none',
      { mailServer: { host: 'smtp contoso', port: 0, from: 'nobody' } },
      [
        'mailServer.host: must be an IP address or a host name',
        'mailServer.port: must be a whole number from 1 to 65535',
        'mailServer.from: must be an e-mail address',
      ],
    ],
    ['no organization', { organizations: [] }, ['organizations: must not be empty']],
    ['a name for a list', { organizations: 'contoso' }, ['organizations: must be a list']],
    ['names for mappings', { organizations: ['contoso'] }, ['organizations: must be a list of mappings']],
    ['null for a list', { organizations: null }, ['organizations: must be a list']],
    [
      'a name that is no domain',
      { organizations: [{ name: 'contoso' }] },
      ['organizations[0].name: must be a domain such as contoso.onmicrosoft.com'],
    ],
    [
      'sinks that are none',
      {
        audit: {
          sinks: [
            { name: 'a', kind: 'udp' },
            { name: 'a b', kind: 'file' },
            { name: 'c', kind: 'syslog', host: 'siem:514', transport: 'udp', path: 'x' },
          ],
        },
      },
      [
        'audit.sinks[0].kind: must be one of file, syslog',
        'audit.sinks[1].path: must be text',
        'audit.sinks[1].name: must be at most 63 letters, digits and hyphens',
        'audit.sinks[2].path: is not a known key',
        'audit.sinks[2].host: must be an IP address or a host name',
        'audit.sinks[2].transport: must be one of tls, tcp',
      ],
    ],
    [
      'a retention in other words',
      { audit: { retention: { months: -1 } } },
      ['audit.retention.months: must be a whole number from 0 to 1200'],
    ],
    ['an unknown key', { limit: {} }, ['limit: is not a known key']],
    ['an unknown key within', { mail: { sender: [] } }, ['mail.sender: is not a known key']],
    ['a list for a mapping', { mail: [] }, ['mail: must be a mapping']],
    ['a bad sender', { mail: { senders: ['a@b.com, c@d.com'] } }, ['mail.senders: must be an e-mail address']],
    [
      'a text for a number',
      { limits: { sessionsPerCaller: 'many' } },
      ['limits.sessionsPerCaller: must be a whole number from 1 to 1000'],
    ],
    [
      'a limit out of bounds',
      { limits: { lease: '100ms' } },
      ['limits.lease: must be a duration such as 90s, 30m or 1h, from 1s to 10m'],
    ],
    [
      'limits that contradict',
      { limits: { downloadsPerCaller: 257 } },
      ['limits.downloadsPerCaller: must not be larger than limits.downloadsInAll'],
    ],
    [
      'more event streams of a caller than in all',
      { limits: { eventStreamsPerCaller: 5, eventStreamsInAll: 4 } },
      ['limits.eventStreamsPerCaller: must not be larger than limits.eventStreamsInAll'],
    ],
    [
      'ownership by an address without a claim that verifies it',
      { ownershipByEmail: { addressClaim: 'email' } },
      ['ownershipByEmail.verifiedClaim: must be text'],
    ],
    ['ownership by no claims', { ownershipByEmail: true }, ['ownershipByEmail: must be a mapping']],
    [
      'a binding without condition',
      { roleBindings: [{ role: 'auditor', organizations: ['contoso.onmicrosoft.com'] }] },
      ['roleBindings[0]: must have at least one of group, tokenRole and scope'],
    ],
    [
      'a binding of an unknown role',
      { roleBindings: [{ role: 'admin', organizations: ['contoso.onmicrosoft.com'], group: 'g' }] },
      ['roleBindings[0].role: must be one of operator, auditor'],
    ],
    [
      'a binding elsewhere',
      { roleBindings: [{ role: 'auditor', organizations: ['other.com'], group: 'g' }] },
      ['roleBindings[0].organizations: must be among the names in organizations'],
    ],
    [
      'a binding of a strange issuer',
      {
        roleBindings: [
          { role: 'auditor', organizations: ['contoso.onmicrosoft.com'], group: 'g', issuer: 'https://x.com' },
        ],
      },
      ['roleBindings[0].issuer: must be one of the issuers'],
    ],
    [
      'a binding where its issuer has no say',
      {
        roleBindings: [
          { role: 'auditor', organizations: ['contoso.onmicrosoft.com'], group: 'g', issuer: issuer.issuer },
        ],
      },
      ['roleBindings[0].organizations: must be among those of the issuer'],
    ],
    ['an issuer twice', { issuers: [issuer, issuer] }, ['issuers[1].issuer: must differ from issuers[0].issuer']],
    [
      'an issuer without audience',
      { issuers: [{ ...issuer, audiences: [] }] },
      ['issuers[0].audiences: must not be empty'],
    ],
    [
      'an issuer elsewhere',
      { issuers: [{ ...issuer, organizations: ['other.com'] }] },
      ['issuers[0].organizations: must be among the names in organizations'],
    ],
    [
      'a profile name twice',
      { credentialProfiles: [userProfile, { ...applicationProfile, name: 'Contoso-User' }] },
      ['credentialProfiles[1].name: must differ from credentialProfiles[0].name'],
    ],
    [
      'a profile by the name that operations with a device code have for none',
      { credentialProfiles: [{ ...userProfile, name: 'Device-Code' }] },
      ['credentialProfiles[0].name: must not be device-code, which stands for no profile'],
    ],
    [
      'two profiles of an organization without a default',
      { credentialProfiles: [userProfile, { ...userProfile, name: 'b' }] },
      ['credentialProfiles: exactly one of those of contoso.onmicrosoft.com must be the default'],
    ],
    [
      'two defaults of an organization, one of them by a list',
      {
        credentialProfiles: [
          { ...userProfile, default: true },
          {
            ...applicationProfile,
            organization: undefined,
            organizations: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
            default: true,
          },
        ],
      },
      ['credentialProfiles: exactly one of those of contoso.onmicrosoft.com must be the default'],
    ],
    [
      'a profile of no organization',
      { credentialProfiles: [{ ...userProfile, organization: undefined }] },
      ['credentialProfiles[0].organizations: exactly one of organization and organizations must be given'],
    ],
    [
      'a profile with both ways of telling where',
      { credentialProfiles: [{ ...userProfile, organizations: ['fabrikam.onmicrosoft.com'] }] },
      ['credentialProfiles[0].organizations: exactly one of organization and organizations must be given'],
    ],
    [
      'a profile in a region there is not, for an action that takes none',
      { credentialProfiles: [{ ...userProfile, region: 'moon', actions: ['restore', 'save'] }] },
      [
        'credentialProfiles[0].region: must be one of worldwide, germany, china, us-defence, us-government',
        'credentialProfiles[0].actions: must be one of restore, copy',
      ],
    ],
    [
      'a profile for nothing',
      { credentialProfiles: [{ ...userProfile, actions: [] }] },
      ['credentialProfiles[0].actions: must not be empty'],
    ],
    [
      'a profile elsewhere',
      { credentialProfiles: [{ ...userProfile, organization: 'other.com' }] },
      ['credentialProfiles[0].organization: must be among the names in organizations'],
    ],
    [
      'a profile of an unknown kind',
      { credentialProfiles: [{ ...userProfile, kind: 'robot' }] },
      ['credentialProfiles[0].kind: must be one of user, application'],
    ],
    [
      'a profile with keys of the other kind',
      { credentialProfiles: [{ ...userProfile, applicationId }] },
      ['credentialProfiles[0].applicationId: is not a known key'],
    ],
    [
      'a profile without application id',
      { credentialProfiles: [{ ...applicationProfile, applicationId: undefined }] },
      ['credentialProfiles[0].applicationId: must be a UUID'],
    ],
    [
      'a missing certificate',
      { credentialProfiles: [{ ...applicationProfile, certificate: { file: 'gone.pfx' } }] },
      ['credentialProfiles[0].certificate.file: cannot be read (ENOENT)'],
    ],
    [
      'a certificate that is none',
      { credentialProfiles: [{ ...applicationProfile, certificate: { file: 'fabrikam.password' } }] },
      ['credentialProfiles[0].certificate.file: must be a PKCS#12 (PFX) file or the base64 of one'],
    ],
    ['a switch that is none', { emergencyStop: 'yes' }, ['emergencyStop: must be true or false']],
    ['a pattern that is none', { reasonPattern: '(' }, ['reasonPattern: must be a regular expression']],
    [
      'ceilings that are none',
      { operatorCeilings: { actions: 0, bytes: '20GB' } },
      [
        'operatorCeilings.actions: must be a whole number from 1 to 1000000',
        'operatorCeilings.bytes: must be a size such as 512MiB or 20GiB, from 1MiB to 1024TiB',
      ],
    ],
    ...[
      'hunter2',
      7,
      null,
      {},
      { hunter2: null },
      { file: 'a', env: 'B' },
      { file: 'a', hunter2: 1 },
      { file: 1 },
      { env: 'hunter 2' },
      ['a'],
    ].map((password): [string, object, string[]] => [
      `${JSON.stringify(password)} for a reference`,
      { credentialProfiles: [{ ...userProfile, password }] },
      ['credentialProfiles[0].password: must be either { file: path } or { env: NAME }, never the secret itself'],
    ]),
  ])('with %s in the YAML says so', async (_, changes, faults) => {
    await writeSettings(changes);
    expect(await faultsWith()).toEqual(faults);
  });

  it.each([
    ['a repeated key', 'mail: {}\nmail: {}\n', 'GATEWAY_CONFIG: line 2, column 1: duplicate key'],
    ['broken YAML', 'mail: [hunter2\n', 'GATEWAY_CONFIG: line 2, column 1: bad indent'],
    [
      'an alias',
      'organizations: &a [{ name: a.com }]\nissuers: *a\n',
      'GATEWAY_CONFIG: line 2, column 10: aliases are not supported',
    ],
    ['a tag', 'mail: !hunter2 {}\n', 'GATEWAY_CONFIG: line 1, column 7: tag resolve failed'],
    ['no mapping', '- hunter2\n', 'GATEWAY_CONFIG: must hold a mapping'],
    ['nothing', '', 'GATEWAY_CONFIG: must hold a mapping'],
    ['__proto__', '__proto__: { mail: hunter2 }\n', 'GATEWAY_CONFIG: line 1, column 1: is not a known key'],
    ['constructor', 'mail: { constructor: hunter2 }\n', 'GATEWAY_CONFIG: line 1, column 9: is not a known key'],
    ['over 1 MiB', `#${'x'.repeat(1024 * 1024)}`, 'GATEWAY_CONFIG: must name a regular file of at most 1 MiB'],
  ])('refuses a YAML file with %s', async (_, text, fault) => {
    await write('gateway.yaml', text);
    expect(await faultsWith()).toEqual([fault]);
  });

  it('takes the word that a certificate has no password', async () => {
    await writeSettings({ credentialProfiles: [{ ...applicationProfile, certificatePassword: 'none' }] });
    const { credentialProfiles } = await loadConfiguration(environment);
    const [profile] = credentialProfiles;
    if (profile?.kind !== 'application') throw new Error('no application');
    expect(profile.certificatePassword.current.expose()).toBe('');
    expect(profile.certificatePassword.mayChange).toBe(false);
  });

  it.each([undefined, null, '', 'None', 'no', false, {}])(
    'takes %j for a password that was forgotten, and not for none',
    async (certificatePassword) => {
      await writeSettings({ credentialProfiles: [{ ...applicationProfile, certificatePassword }] });
      expect(await faultsWith()).toEqual([
        expect.stringMatching(/^credentialProfiles\[0\]\.certificatePassword: must be/),
      ]);
    },
  );

  it('takes an empty file for a password that was forgotten, and not for none', async () => {
    await write('fabrikam.password', '\n');
    expect(await faultsWith()).toEqual(['credentialProfiles[1].certificatePassword.file: must not be empty']);
  });

  it('refuses issuers over http in production only', async () => {
    await writeSettings({ issuers: [{ ...issuer, issuer: 'http://a.com', jwksUri: 'http://a.com/keys' }] });
    expect(await faultsWith()).toEqual([]);
    expect(await faultsWith({ NODE_ENV: 'production' })).toEqual([
      'issuers[0].issuer: must be an https URL in production',
      'issuers[0].jwksUri: must be an https URL in production',
    ]);
  });

  it('minds no variable that belongs to somebody else', async () => {
    await writeSettings({ credentialProfiles: [{ ...userProfile, password: { env: 'VEEAM_CONTOSO_PASSWORD' } }] });
    expect(
      await faultsWith({
        PATH: '/bin',
        VEEAM_CONTOSO_PASSWORD: 'profile-secret',
        VEEAM_SANDBOX_PORT: '4443',
        DATABASE_OWNER_URL: 'postgresql://owner@db',
        DATABASE_SERVICE_HOST: '10.0.0.1',
        DATABASE_PORT_5432_TCP_ADDR: '10.0.0.1',
        SSO_PORT: 'tcp://10.0.0.2:443',
      }),
    ).toEqual([]);
  });

  it('tells every fault at once: variables, YAML, references and secrets', async () => {
    await writeSettings({ limits: { downloadsInAll: 2 } });
    expect(await faultsWith({ PORT: 'x', VEEAM_PASSWORD: '', SSO_ISUER: 'x', CONTOSO_PASSWORD: '' })).toEqual([
      'PORT: must be a whole number from 0 to 65535',
      'limits.downloadsPerCaller: must not be larger than limits.downloadsInAll',
      'SSO_ISUER: is not a known variable',
      'VEEAM_PASSWORD: exactly one of VEEAM_PASSWORD and VEEAM_PASSWORD_FILE must be given',
      'credentialProfiles[0].password.env: must name a variable that is set',
    ]);
  });

  it('repeats no value, wherever a secret was put by mistake', async () => {
    const secret = 'hunter2 <planted> secret';
    const everywhere = Object.fromEntries(
      'HOST PORT MANAGEMENT_PORT PUBLIC_URL TRUST_PROXY DATABASE_URL DATABASE_CA_FILE SSO_ISSUER SSO_AUDIENCE SSO_JWKS_URI SSO_ALGORITHMS SSO_PRESET SSO_TOKEN_TYPE VEEAM_URL VEEAM_API_VERSION VEEAM_CA_FILE VEEAM_CERT_FINGERPRINT VEEAM_USERNAME_FILE VEEAM_PASSWORD_FILE VEEAM_DANGEROUSLY_SKIP_TLS POLICY_DIR LOG_LEVEL DOCS_ENABLED V5_MAX_WAIT NODE_ENV VEEAM_TYPO'
        .split(' ')
        .map((name) => [name, secret]),
    );
    await writeSettings({
      organizations: [{ name: secret, deviceCodeApplicationId: secret }, secret],
      issuers: [{ issuer: secret, audiences: secret, preset: secret, organizations: [secret], emailDomains: [secret] }],
      roleBindings: [{ role: secret, organizations: secret, group: [secret] }],
      credentialProfiles: [
        { ...userProfile, name: secret, kind: secret },
        { ...userProfile, password: { [secret]: secret } },
      ],
      mail: { senders: [secret], recipientDomains: secret },
      limits: { lease: secret, sessionsPerCaller: secret },
    });
    for (const path of [environment.GATEWAY_CONFIG, secret]) {
      const faults = await faultsWith({ ...everywhere, GATEWAY_CONFIG: path });
      expect(faults.length).toBeGreaterThan(20);
      expect(faults.join('\n')).not.toMatch(/hunter2|planted/);
    }
  });

  it('reads ceilings, the pattern of reasons and the emergency stop', async () => {
    await writeSettings({
      emergencyStop: true,
      reasonPattern: 'INC-\\d+|none',
      operatorCeilings: { actions: 50, bytes: '20GiB' },
    });
    const { emergencyStop, reasonPattern, operatorCeilings } = await loadConfiguration(environment);
    expect(emergencyStop).toBe(true);
    expect(operatorCeilings).toEqual({ actions: 50, bytes: 20 * 2 ** 30 });
    expect(['INC-1', 'none', 'INC-', 'no INC-1', 'INC-1 or so'].filter((text) => reasonPattern?.test(text))).toEqual([
      'INC-1',
      'none',
    ]);
  });

  it('is read again without its secrets, so that a broken one keeps nothing else from being taken over', async () => {
    await writeSettings({ emergencyStop: true });
    await write('fabrikam.pfx', 'not a certificate');
    await write('fabrikam.password', '');
    await expect(loadConfiguration(environment)).rejects.toThrow('credentialProfiles[1].certificate.file');
    const { emergencyStop, credentialProfiles } = await reloadConfiguration(environment);
    expect(emergencyStop).toBe(true);
    expect(credentialProfiles).toHaveLength(2);
    expect(await faultsOf(reloadConfiguration({ ...environment, VEEAM_PASSWORD: '' }))).toEqual([
      'VEEAM_PASSWORD: exactly one of VEEAM_PASSWORD and VEEAM_PASSWORD_FILE must be given',
    ]);
  });

  it.each<[string, object, NodeJS.ProcessEnv]>([
    [
      'the folder of a file sink',
      { audit: { sinks: [{ kind: 'file', name: 'file', path: 'away/audit.ndjson' }] } },
      {},
    ],
    [
      'the CA of a sink',
      { audit: { sinks: [{ kind: 'syslog', name: 'siem', host: 'siem.contoso.com', caFile: 'away.pem' }] } },
      {},
    ],
    [
      'the CA of a receiver of webhooks',
      { ownerNotice: { url: 'https://notices.contoso.com', caFile: 'away.pem', secret: { env: 'NOTICE_KEY' } } },
      { NOTICE_KEY: `whsec_${Buffer.alloc(32).toString('base64')}` },
    ],
    ['the CA of the backup server', {}, { VEEAM_CA_FILE: 'away.pem' }],
    ['the CA of the database', {}, { DATABASE_CA_FILE: 'away.pem' }],
    ['the folder of the policies', {}, { POLICY_DIR: 'away' }],
  ])('takes the emergency stop over while %s is away', async (_, changes, variables) => {
    await writeSettings({ ...changes, emergencyStop: true });
    expect(await faultsWith(variables)).toEqual([expect.stringMatching(/: cannot be read \(ENOENT\)$/)]);
    expect(await reloadConfiguration({ ...environment, ...variables })).toMatchObject({ emergencyStop: true });
  });

  it('takes the emergency stop over while the CA of one of several backup servers is away', async () => {
    const login = { username: { env: 'EU_USERNAME' }, password: { env: 'EU_PASSWORD' } };
    await writeSettings({
      backupServers: [{ name: 'eu', url: 'https://eu.contoso.com:4443', caFile: 'away.pem', ...login }],
      emergencyStop: true,
    });
    const { VEEAM_URL, VEEAM_USERNAME, VEEAM_PASSWORD, ...others } = environment;
    environment = { ...others, EU_USERNAME: VEEAM_USERNAME, EU_PASSWORD: VEEAM_PASSWORD };
    expect(VEEAM_URL).toBeDefined();
    expect(await faultsWith()).toEqual(['backupServers[0].caFile: cannot be read (ENOENT)']);
    expect(await reloadConfiguration(environment)).toMatchObject({ emergencyStop: true });
  });

  it('still refuses a YAML file that is away when it is read again', async () => {
    await rm(join(folder, 'gateway.yaml'));
    expect(await faultsOf(reloadConfiguration(environment))).toContain('GATEWAY_CONFIG: cannot be read (ENOENT)');
  });

  it('loads the sample that comes with the gateway', async () => {
    const sample = resolve('config/gateway.example.yaml');
    await mkdir(join(folder, 'secrets'));
    for (const name of ['fabrikam', 'group']) {
      await write(`secrets/${name}.pfx`, Buffer.from([0x30, 0x00]).toString('base64'));
      await write(`secrets/${name}.pfx.password`, 'pfx password');
    }
    await write('secrets/smtp.password', 'smtp password');
    const GATEWAY_CONFIG = await write('sample.yaml', await readFile(sample));
    const { issuers, limits, credentialProfiles } = await loadConfiguration({
      ...environment,
      GATEWAY_CONFIG,
      CONTOSO_RESTORE_PASSWORD: 'password',
      HELPDESK_WEBHOOK_KEY: `whsec_${Buffer.alloc(32).toString('base64')}`,
    });
    expect(issuers).toHaveLength(2);
    expect(credentialProfiles).toHaveLength(3);
    expect(limits).toEqual((await loadConfiguration(environment)).limits);
  });
});
