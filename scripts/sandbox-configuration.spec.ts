import { loadConfiguration } from '@app/config';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSandboxConfiguration, type SandboxFacts } from './sandbox-configuration.js';

let folder: string;
let facts: SandboxFacts;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-configuration-'));
  const certificateFile = join(folder, 'fabrikam.pfx');
  await writeFile(certificateFile, Buffer.from([0x30, 0x03, 0x02, 0x01, 0x03]));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  facts = {
    databaseUrl: 'postgresql://service:database-secret@127.0.0.1:5432/restore_gateway',
    issuer: 'http://127.0.0.1:9400',
    audience: 'urn:restore-gateway',
    veeam: {
      url: 'https://127.0.0.1:4443',
      caFile,
      username: 'administrator',
      password: 'veeam-secret',
      restoreUserName: 'restore@contoso.onmicrosoft.com',
      restorePassword: 'restore-secret',
      applicationId: '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b001',
      certificateFile,
      certificatePassword: 'certificate-secret',
      deviceCodeApplicationId: '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b002',
    },
  };
});
afterEach(() => rm(folder, { recursive: true }));

it('is a configuration that the gateway takes', async () => {
  const configuration = await loadConfiguration(await writeSandboxConfiguration(folder, facts));
  expect(configuration).toMatchObject({
    issuers: [
      {
        issuer: 'http://127.0.0.1:9400',
        organizations: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
        emailDomains: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
      },
    ],
    organizations: [
      { name: 'contoso.onmicrosoft.com', deviceCodeApplicationId: facts.veeam.deviceCodeApplicationId },
      { name: 'fabrikam.onmicrosoft.com', deviceCodeApplicationId: undefined },
    ],
    credentialProfiles: [
      { organizations: ['contoso.onmicrosoft.com'], kind: 'user' },
      { organizations: ['fabrikam.onmicrosoft.com'], kind: 'application' },
    ],
    mail: { recipientDomains: ['contoso.onmicrosoft.com'] },
    backupServers: [{ apiVersion: 'v5' }],
  });
});

it('makes nobody operator of fabrikam', async () => {
  const { roleBindings } = await loadConfiguration(await writeSandboxConfiguration(folder, facts));
  const operators = roleBindings.filter(({ role }) => role === 'operator');
  expect(operators.map(({ organizations, group, tokenRole }) => ({ organizations, group, tokenRole }))).toEqual([
    { organizations: ['contoso.onmicrosoft.com'], group: 'contoso-restore-operators', tokenRole: undefined },
    { organizations: ['contoso.onmicrosoft.com'], group: undefined, tokenRole: 'contoso-restore-operator' },
  ]);
});

it('keeps every secret in a file of its own that only its owner can read', async () => {
  const environment = await writeSandboxConfiguration(folder, facts);
  const yaml = await readFile(join(folder, 'gateway.yaml'), 'utf8');
  for (const secret of ['database-secret', 'veeam-secret', 'restore-secret', 'certificate-secret']) {
    expect(JSON.stringify(environment) + yaml).not.toContain(secret);
  }
  const files = await readdir(join(folder, 'secrets'));
  expect(await Promise.all(files.map((name) => readFile(join(folder, 'secrets', name), 'utf8')))).toEqual(
    expect.arrayContaining([facts.databaseUrl, 'veeam-secret', 'restore-secret', 'certificate-secret']),
  );
  for (const file of [...files.map((name) => join('secrets', name)), 'gateway.yaml']) {
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
  }
});
