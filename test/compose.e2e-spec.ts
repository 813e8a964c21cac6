import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parse } from 'yaml';

import { loadConfiguration } from '@app/config';

interface ComposeFile {
  readonly services: {
    readonly gateway: { readonly environment: Record<string, string>; readonly secrets?: string[] };
  };
  readonly secrets: Record<string, { readonly file: string }>;
}

const root = join(__dirname, '..');
const page = (name: string) => readFileSync(join(root, 'docs/operate', name), 'utf8');
const block = (text: string, begin: RegExp, end: string) => text.split(begin)[1]?.split(end)[0] ?? '';

/** Tags that merge files, such as `!override`, mean nothing to the parser. */
const composeFile = (name: string) =>
  parse(readFileSync(join(root, name), 'utf8'), { logLevel: 'error' }) as ComposeFile;

const settingsOfPage = block(page('install.md'), /gateway\.yaml <<'YAML'\n/, '\nYAML\n');
const variablesOfPage = Object.fromEntries(
  block(page('install.md'), /\.env <<'ENV'\n/, '\nENV\n')
    .split('\n')
    .map((line) => /^(\w+)='?(.*?)'?$/.exec(line)?.slice(1) as [string, string])
    .map(([name, value]) => [name, name === 'VEEAM_CERT_FINGERPRINT' ? 'ab'.repeat(32) : value]),
);
const severalServers = block(page('backup-servers.md'), /```yaml\n/, '```');
const withoutServer = Object.fromEntries(
  Object.entries(variablesOfPage).filter(([name]) => !name.startsWith('VEEAM_')),
);

describe('docker-compose.yml', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'compose-'));
    for (const name of ['config', 'config/policies', 'secrets']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'config/emea-ca.pem'), '-----BEGIN CERTIFICATE-----\n');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const inFolder = (text: string) =>
    text
      .replaceAll('/run/secrets', join(folder, 'secrets'))
      .replaceAll(/(?<=^|[ "'])\/config/gm, join(folder, 'config'));

  /** What a variable becomes; one that is demanded and not there would be an error of compose. */
  function filledIn(value: string, variables: Readonly<Record<string, string>>): string {
    return value.replace(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
      const given = variables[name] ?? '';
      if (given === '' && kind === '?') throw new Error(`${name}: ${rest}`);
      return given === '' ? rest : given;
    });
  }

  /** What the gateway would make of the environment that these files give it, with the secrets that they mount. */
  async function loaded(names: readonly string[], settings: string, variables: Readonly<Record<string, string>>) {
    const files = names.map(composeFile);
    const environment: Record<string, string> = {};
    for (const { services } of files) Object.assign(environment, services.gateway.environment);
    for (const name of Object.keys(environment)) {
      environment[name] = inFolder(filledIn(environment[name] ?? '', variables));
    }
    const known = Object.assign({}, ...files.map(({ secrets }) => secrets)) as ComposeFile['secrets'];
    for (const secret of files.findLast(({ services }) => services.gateway.secrets)?.services.gateway.secrets ?? []) {
      expect(known[secret]?.file).toBe(`\${SECRETS_DIR:-./secrets}/${secret}`);
      const value =
        secret === 'database-url' ? 'postgresql://service:password@postgres:5432/restore_gateway' : 'secret';
      writeFileSync(join(folder, 'secrets', secret), value);
    }
    writeFileSync(join(folder, 'config/gateway.yaml'), inFolder(settings));
    return loadConfiguration(environment);
  }

  it('gives the gateway what it needs for the one backup server of the variables', async () => {
    const { backupServers, policyDir } = await loaded(['docker-compose.yml'], settingsOfPage, variablesOfPage);
    expect(backupServers).toMatchObject([{ name: 'default', url: variablesOfPage.VEEAM_URL }]);
    expect(policyDir).toBeUndefined();
  });

  it('says by the gateway what is missing without one', async () => {
    const loading = loaded(['docker-compose.yml'], settingsOfPage, withoutServer);
    await expect(loading).rejects.toThrow('VEEAM_URL: is required unless the YAML names backupServers');
  });

  it('takes policies of a folder beside the YAML file', async () => {
    const variables = { ...variablesOfPage, POLICY_DIR: '/config/policies' };
    const { policyDir } = await loaded(['docker-compose.yml'], settingsOfPage, variables);
    expect(policyDir).toBe(join(folder, 'config/policies'));
  });

  it('with docker-compose.backup-servers.yml gives it those of several', async () => {
    const files = ['docker-compose.yml', 'docker-compose.backup-servers.yml'];
    const { backupServers } = await loaded(files, `${settingsOfPage}\n${severalServers}`, withoutServer);
    expect(backupServers).toMatchObject([{ name: 'emea' }, { name: 'apac' }]);
  });
});
