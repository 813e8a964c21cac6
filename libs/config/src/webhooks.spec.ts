import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { stringify } from 'yaml';
import { ConfigurationError } from './faults.js';
import { loadConfiguration } from './load-configuration.js';

const key = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const previousKey = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const sso = 'https://sso.contoso.com';
const fabrikam = {
  issuer: 'https://login.fabrikam.com',
  audiences: ['restore-gateway'],
  organizations: ['contoso.onmicrosoft.com'],
  emailDomains: ['fabrikam.com'],
};
const portal = { clientId: 'portal', url: 'https://portal.contoso.com/hooks', secret: { env: 'PORTAL_KEY' } };
const notice = { url: 'https://notices.contoso.com/', secret: { file: 'notice.key' } };

describe('the webhooks of the configuration', () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'webhooks-'));
    environment = {
      DATABASE_URL: 'postgresql://gateway:secret@127.0.0.1:5432/gateway',
      SSO_ISSUER: sso,
      SSO_AUDIENCE: 'restore-gateway',
      VEEAM_URL: 'https://backup.contoso.com:4443',
      VEEAM_USERNAME: 'gateway',
      VEEAM_PASSWORD: 'veeam-secret',
      GATEWAY_CONFIG: join(folder, 'gateway.yaml'),
      PORTAL_KEY: key,
    };
    await writeFile(join(folder, 'notice.key'), `${key}\n`);
    await writeFile(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function load(settings: object, changes: NodeJS.ProcessEnv = {}) {
    const organizations = [{ name: 'contoso.onmicrosoft.com' }];
    await writeFile(
      join(folder, 'gateway.yaml'),
      stringify({ organizations, ...settings }, { aliasDuplicateObjects: false }),
    );
    return loadConfiguration({ ...environment, ...changes });
  }

  async function faultsOf(settings: object, changes?: NodeJS.ProcessEnv): Promise<string[]> {
    const error: unknown = await load(settings, changes).then(
      () => new ConfigurationError([]),
      (reason: unknown) => reason,
    );
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.message).not.toContain(key.slice(6, 20));
    return error.faults.map(({ key: name, rule }) => `${name}: ${rule}`);
  }

  it('are opened with their keys, the newest first, and with the only issuer there is', async () => {
    const { webhooks, ownerNotice, secrets } = await load(
      {
        webhooks: [{ ...portal, previousSecret: { env: 'PORTAL_OLD_KEY' }, caFile: 'ca.pem' }],
        ownerNotice: { ...notice, organizations: ['Contoso.OnMicrosoft.com'], actions: ['save', 'send'] },
      },
      { PORTAL_OLD_KEY: previousKey },
    );
    expect(webhooks).toEqual([
      { issuer: sso, clientId: 'portal', url: portal.url, caFile: join(folder, 'ca.pem'), keys: expect.any(Array) },
    ]);
    expect(webhooks[0]?.keys.map(({ current }) => current.expose())).toEqual([key, previousKey]);
    expect(ownerNotice).toMatchObject({
      url: notice.url,
      caFile: undefined,
      organizations: ['contoso.onmicrosoft.com'],
      actions: ['save', 'send'],
    });
    expect(secrets).toEqual(expect.arrayContaining([...(webhooks[0]?.keys ?? []), ...(ownerNotice?.keys ?? [])]));
    expect(inspect({ webhooks, ownerNotice }, { depth: 9 })).not.toContain(key.slice(6));
  });

  it('may be of one client id at several issuers', async () => {
    const { webhooks } = await load({
      issuers: [fabrikam],
      webhooks: [
        { ...portal, issuer: sso },
        { ...portal, issuer: fabrikam.issuer },
      ],
    });
    expect(webhooks.map(({ issuer }) => issuer)).toEqual([sso, fabrikam.issuer]);
  });

  it('may go over http to this machine, outside production', async () => {
    for (const url of ['http://127.0.0.1:8080/hooks', 'http://[::1]/hooks', 'http://localhost/hooks']) {
      const settings = { webhooks: [{ ...portal, url }], ownerNotice: { ...notice, url } };
      expect(await faultsOf(settings)).toEqual([]);
      expect(await faultsOf(settings, { NODE_ENV: 'production' })).toEqual([
        'webhooks[0].url: must be an https URL; http is for loopback, outside production',
        'ownerNotice.url: must be an https URL; http is for loopback, outside production',
      ]);
    }
  });

  it.each<[string, object, string[]]>([
    [
      'http to another machine',
      { webhooks: [{ ...portal, url: 'http://portal.contoso.com/hooks' }] },
      ['webhooks[0].url: must be an https URL; http is for loopback, outside production'],
    ],
    [
      'a name that only begins like this machine',
      { webhooks: [{ ...portal, url: 'http://localhost.contoso.com/' }] },
      ['webhooks[0].url: must be an https URL; http is for loopback, outside production'],
    ],
    ...['https://user:pw@portal/', 'https://portal/?key=1', 'https://portal/#x', 'portal/hooks', 'ftp://portal/'].map(
      (url): [string, object, string[]] => [
        url,
        { webhooks: [{ ...portal, url }] },
        ['webhooks[0].url: must be an http or https URL without user, query and fragment'],
      ],
    ),
    [
      'no secret',
      { ownerNotice: { url: notice.url } },
      ['ownerNotice.secret: must be either { file: path } or { env: NAME }, never the secret itself'],
    ],
    [
      'the secret itself',
      { webhooks: [{ ...portal, secret: key }] },
      ['webhooks[0].secret: must be either { file: path } or { env: NAME }, never the secret itself'],
    ],
    [
      'a secret that is not there',
      {
        webhooks: [{ ...portal, previousSecret: { env: 'NOT_THERE' } }],
        ownerNotice: { ...notice, secret: { file: 'x' } },
      },
      [
        'webhooks[0].previousSecret.env: must name a variable that is set',
        'ownerNotice.secret.file: cannot be read (ENOENT)',
      ],
    ],
    [
      'a secret that is a password',
      { webhooks: [{ ...portal, secret: { env: 'VEEAM_PASSWORD' } }] },
      ['webhooks[0].secret.env: must be whsec_ and the base64 of 24 to 64 random bytes'],
    ],
    [
      'a CA that is not there',
      { ownerNotice: { ...notice, caFile: 'gone.pem' } },
      ['ownerNotice.caFile: cannot be read (ENOENT)'],
    ],
    [
      'a CA that is none',
      { ownerNotice: { ...notice, caFile: 'notice.key' } },
      ['ownerNotice.caFile: must name a file with a certificate in PEM form'],
    ],
    [
      'a client twice',
      { webhooks: [portal, { ...portal, issuer: sso }] },
      ['webhooks[1].clientId: must differ from webhooks[0].clientId'],
    ],
    [
      'an issuer that is none',
      { webhooks: [{ ...portal, issuer: 'https://sso.contoso.com/' }] },
      ['webhooks[0].issuer: must be one of the issuers'],
    ],
    [
      'a client of any of several issuers',
      { issuers: [fabrikam], webhooks: [portal] },
      ['webhooks[0].issuer: is required where there are several issuers'],
    ],
    [
      'an organization elsewhere',
      { ownerNotice: { ...notice, organizations: ['other.com'] } },
      ['ownerNotice.organizations: must be among the names in organizations'],
    ],
    [
      'an empty list of actions',
      { ownerNotice: { ...notice, actions: [] } },
      ['ownerNotice.actions: must not be empty'],
    ],
    [
      'an action that is none',
      { ownerNotice: { ...notice, actions: ['browse'] } },
      ['ownerNotice.actions: must be one of restore, copy, send, save'],
    ],
    [
      'a key of the other',
      { ownerNotice: { ...notice, clientId: 'portal' } },
      ['ownerNotice.clientId: is not a known key'],
    ],
  ])('with %s are refused', async (_, settings, faults) => {
    expect(await faultsOf(settings)).toEqual(faults);
  });
});
