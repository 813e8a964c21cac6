import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { faultsOf } from '../spec-support/faults-of.js';
import { loadConfiguration } from './load-configuration.js';

const emea = {
  name: 'emea',
  url: 'https://backup-emea.contoso.com:4443',
  username: { env: 'EMEA_ACCOUNT' },
  password: { file: 'emea.password' },
};
const apac = {
  name: 'apac',
  url: 'https://backup-apac.contoso.com:4443/',
  apiVersion: 'v7',
  caFile: 'apac-ca.pem',
  username: { env: 'APAC_ACCOUNT' },
  password: { file: 'apac.password' },
  organizations: ['Contoso.onmicrosoft.com'],
  limits: { operations: 10, downloads: 4 },
};
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const fingerprint = 'AB:'.repeat(31) + 'AB';

describe('backupServers', () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backup-servers-'));
    environment = {
      DATABASE_URL: 'postgresql://gateway:db-secret-1@127.0.0.1:5432/gateway',
      SSO_ISSUER: 'https://sso.contoso.com/',
      SSO_AUDIENCE: 'restore-gateway',
      EMEA_ACCOUNT: 'EMEA\\gateway',
      APAC_ACCOUNT: 'APAC\\gateway',
      GATEWAY_CONFIG: join(folder, 'gateway.yaml'),
    };
    await writeFile(join(folder, 'emea.password'), 'emea-secret-2\n');
    await writeFile(join(folder, 'apac.password'), 'apac-secret-3');
    await writeFile(join(folder, 'apac-ca.pem'), CERTIFICATE);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function load(backupServers: readonly object[], changes: NodeJS.ProcessEnv = {}) {
    const organizations = [{ name: 'contoso.onmicrosoft.com' }, { name: 'fabrikam.onmicrosoft.com' }];
    await writeFile(
      join(folder, 'gateway.yaml'),
      stringify({ organizations, backupServers }, { aliasDuplicateObjects: false }),
    );
    return loadConfiguration({ ...environment, ...changes });
  }

  it('each have a login, a trust, a version, organizations and limits of their own', async () => {
    const { backupServers, secrets } = await load([{ ...emea, certFingerprint: fingerprint }, apac]);
    expect(backupServers).toMatchObject([
      {
        name: 'emea',
        url: 'https://backup-emea.contoso.com:4443',
        apiVersion: 'auto',
        trust: { kind: 'fingerprint', sha256: 'ab'.repeat(32) },
        organizations: undefined,
        limits: { operations: undefined, downloads: undefined, restoreSessions: undefined },
      },
      {
        name: 'apac',
        url: 'https://backup-apac.contoso.com:4443',
        apiVersion: 'v7',
        trust: { kind: 'ca', caFile: join(folder, 'apac-ca.pem') },
        organizations: ['contoso.onmicrosoft.com'],
        limits: { operations: 10, downloads: 4, restoreSessions: undefined },
      },
    ]);
    expect(
      backupServers.map(({ username, password }) => [username.current.expose(), password.current.expose()]),
    ).toEqual([
      ['EMEA\\gateway', 'emea-secret-2'],
      ['APAC\\gateway', 'apac-secret-3'],
    ]);
    for (const { password } of backupServers) expect(secrets).toContain(password);
  });

  it('trust the CAs of Node.js where nothing is said of it, and never skip it', async () => {
    expect((await load([emea])).backupServers).toMatchObject([{ trust: { kind: 'system' } }]);
    expect(await faultsOf(load([{ ...emea, dangerouslySkipTls: true }]))).toEqual([
      'backupServers[0].dangerouslySkipTls: is not a known key',
    ]);
  });

  it.each<[string, object[], string]>([
    [
      'a name twice',
      [emea, { ...apac, name: 'EMEA' }],
      'backupServers[1].name: must differ from backupServers[0].name',
    ],
    [
      'one server twice',
      [emea, { ...apac, url: `${emea.url}/` }],
      'backupServers[1].url: must differ from backupServers[0].url',
    ],
    [
      'one organization on two',
      [{ ...emea, organizations: ['contoso.onmicrosoft.com'] }, apac],
      'backupServers[1].organizations: must differ from backupServers[0].organizations',
    ],
    [
      'an organization nobody knows',
      [{ ...emea, organizations: ['tailspin.onmicrosoft.com'] }],
      'backupServers[0].organizations: must be among the names in organizations',
    ],
    ['no organization', [{ ...emea, organizations: [] }], 'backupServers[0].organizations: must not be empty'],
    [
      'two ways of trust',
      [{ ...apac, certFingerprint: fingerprint }],
      'backupServers[0]: must not have both of caFile and certFingerprint: there is one way to trust a server',
    ],
    [
      'plain http',
      [{ ...emea, url: 'http://backup:9191' }],
      'backupServers[0].url: must be an https URL without user, path, query and fragment',
    ],
    [
      'a version nobody speaks',
      [{ ...emea, apiVersion: 'v9' }],
      'backupServers[0].apiVersion: must be one of auto, v5, v6, v7, v8',
    ],
    [
      'a password in the file',
      [{ ...emea, password: 'x' }],
      'backupServers[0].password: must be either { file: path } or { env: NAME }, never the secret itself',
    ],
    [
      'no such file',
      [{ ...emea, password: { file: 'nowhere' } }],
      'backupServers[0].password.file: cannot be read (ENOENT)',
    ],
    [
      'no such variable',
      [{ ...emea, username: { env: 'NOBODY' } }],
      'backupServers[0].username.env: must name a variable that is set',
    ],
    [
      'a limit of nothing',
      [{ ...emea, limits: { downloads: 0 } }],
      'backupServers[0].limits.downloads: must be a whole number from 1 to 10000',
    ],
    ['a bad name', [{ ...emea, name: 'e m' }], 'backupServers[0].name: must be at most 63 letters, digits and hyphens'],
  ])('are refused with %s', async (_what, servers, fault) => {
    expect(await faultsOf(load(servers))).toContain(fault);
  });

  it('stand in place of the variables of the only server', async () => {
    const variables = { VEEAM_URL: 'https://backup:4443', VEEAM_API_VERSION: 'v8', VEEAM_PASSWORD: 'secret-4' };
    expect(await faultsOf(load([emea], variables))).toEqual(
      ['VEEAM_URL', 'VEEAM_API_VERSION', 'VEEAM_PASSWORD'].map(
        (name) => `${name}: goes without backupServers in the YAML, where each server has its own`,
      ),
    );
    const named = { ...emea, password: { env: 'VEEAM_PASSWORD' } };
    expect((await load([named], { VEEAM_PASSWORD: 'secret-4' })).backupServers[0]?.password.current.expose()).toBe(
      'secret-4',
    );
  });

  it('are not asked for as variables while a fault of the YAML hides them', async () => {
    expect(await faultsOf(load([{ ...emea, name: 'e m' }]))).toEqual([
      'backupServers[0].name: must be at most 63 letters, digits and hyphens',
    ]);
  });

  it('can be as docs/operate/backup-servers.md shows', async () => {
    const page = await readFile(join(__dirname, '../../../docs/operate/backup-servers.md'), 'utf8');
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    const { backupServers } = parse(example.replaceAll('/run/secrets', folder)) as { backupServers: object[] };
    for (const name of ['emea-account', 'emea-password', 'apac-account', 'apac-password']) {
      await writeFile(join(folder, name), `secret of ${name}`);
    }
    await writeFile(join(folder, 'emea-ca.pem'), CERTIFICATE);
    expect((await load(backupServers)).backupServers).toMatchObject([
      { name: 'emea', limits: { operations: 20, downloads: 16, restoreSessions: 200 } },
      { name: 'apac', apiVersion: 'auto', trust: { kind: 'fingerprint' } },
    ]);
  });

  it('are needed where the variables name none', async () => {
    expect(await faultsOf(load([]))).toEqual([
      'VEEAM_URL: is required unless the YAML names backupServers',
      'VEEAM_USERNAME: exactly one of VEEAM_USERNAME and VEEAM_USERNAME_FILE must be given',
      'VEEAM_PASSWORD: exactly one of VEEAM_PASSWORD and VEEAM_PASSWORD_FILE must be given',
    ]);
  });

  it('takes a name of the kind VEEAM_… for a typo where nothing refers to it', async () => {
    const variables = { VEEAM_ACCOUNT: 'EMEA\\gateway' };
    expect(await faultsOf(load([emea], variables))).toEqual(['VEEAM_ACCOUNT: is not a known variable']);
    const named = { ...emea, username: { env: 'VEEAM_ACCOUNT' } };
    expect((await load([named], variables)).backupServers[0]?.username.current.expose()).toBe('EMEA\\gateway');
  });
});
