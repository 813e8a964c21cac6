import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { transformSync } from '@swc/core';

import { createOpenApiDocument } from '../apps/gateway/src/http/openapi.js';
import { guide } from '../scripts/guide.js';
import { capabilityTable } from './support/capability-table.js';
import { dialects } from './support/dialects.js';
import { emptyFolder } from './support/files.js';
import { type Gateway, startGateway, startWorld, type World } from './support/world.js';

const run = promisify(execFile);
const root = join(__dirname, '..');
const read = (page: string) => readFileSync(join(root, page), 'utf8');

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.stdout.write('docs: SKIPPED the examples in Python, which is not there\n');

/** The blocks of a page that say of themselves that they are run, as one script that stops at the first failure. */
function scriptOf(page: string): string {
  const blocks = [...read(page).matchAll(/<!-- run -->\n\n```(\w+)\n(.*?)```/gs)].map(([, language = '', block = '']) =>
    asShell(language, block),
  );
  return ['set -euo pipefail', ...blocks].join('\n');
}

/** What is not shell gets the token that the shell has. */
function asShell(language: string, block: string): string {
  switch (language) {
    case 'bash':
      return block;
    case 'ts': {
      const { code } = transformSync(block, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
      return `TOKEN=$TOKEN node --input-type=module <<'END'\n${code}END`;
    }
    case 'python':
      return hasPython ? `TOKEN=$TOKEN python3 - <<'END'\n${block}END` : '';
    default:
      throw new Error(`nobody knows how to run ${language}`);
  }
}

describe('the documentation', () => {
  describe('beside a running gateway', () => {
    let world: World;
    let folder: string;

    beforeAll(async () => {
      world = await startWorld();
      // As the folder of a clone in which npm start runs: the token script and what it reads.
      folder = mkdtempSync(join(tmpdir(), 'restore-gateway-docs-'));
      cpSync(join(root, 'package.json'), join(folder, 'package.json'));
      cpSync(join(root, 'scripts/token.mjs'), join(folder, 'scripts/token.mjs'));
      mkdirSync(join(folder, '.sandbox'));
      writeFileSync(join(folder, '.sandbox/ready.json'), JSON.stringify({ issuer: world.sso.issuer }));
    });
    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await world.close();
    });

    async function runPage(page: string, { url }: Pick<Gateway, 'url'> = world.gateway): Promise<string> {
      const env = { ...process.env, GATEWAY: url };
      const { stdout } = await run('bash', ['-c', scriptOf(page)], { cwd: folder, env });
      return stdout;
    }

    it('has a first walk in the README that works line by line', async () => {
      expect(await runPage('README.md')).toMatch(/"name":"Alice".*"action":"restore","state":"succeeded"/s);
      expect(readFileSync(join(folder, 'onedrive.zip')).subarray(0, 2).toString()).toBe('PK');
    }, 60_000);

    describe.each(dialects)('and a backup server of $version', ({ version }) => {
      let gateway: Gateway;
      let printed: string;

      beforeAll(async () => {
        await emptyFolder(world.veeam.productionDir);
        for (const name of ['Plan.md', 'Documents.zip', 'found.md']) rmSync(join(folder, name), { force: true });
        gateway = await startGateway(world, { environment: { VEEAM_API_VERSION: version } });
        printed = await runPage('docs/api.md', gateway);
      }, 90_000);
      afterAll(() => gateway.close());

      /** What a task downloaded. */
      const inFolder = (name: string) => readFileSync(join(folder, name));

      it("has a task guide: yesterday's version of a file in every language", () => {
        expect(inFolder('Plan.md').toString()).toMatch(/Sleep well/);
        expect(printed.match(/Sleep well/g)).toHaveLength(hasPython ? 3 : 2);
      });

      it('has a task guide: downloads that are whole', () => {
        expect(inFolder('Documents.zip').subarray(0, 2).toString()).toBe('PK');
        const [, recorded, whole] = /^([0-9a-f]{64})\n([0-9a-f]{64}) {2}OneDrive\.zip$/m.exec(printed) ?? [];
        expect(whole).toBe(recorded);
        expect(inFolder('found.md').toString()).toMatch(/Sleep well/);
      });

      it('has a task guide: restores by preview, once, of several files', () => {
        expect(printed).toMatch(/"documents":2.*"decision":"allow".*"action":"restore","state":"succeeded"/s);
        const [, first, second] = /^([0-9a-f-]{36})\n([0-9a-f-]{36})$/m.exec(printed) ?? [];
        expect(first).toBe(second);
        expect(printed).toMatch(/"kind":"documents".*"items":\[\{"itemId"/s);
      });

      it("has a task guide: a leaver's OneDrive, and a mail", () => {
        const bobs = join(world.veeam.productionDir, 'bob@contoso.onmicrosoft.com', 'From Laura');
        expect(readdirSync(bobs)).not.toEqual([]);
        expect(printed).toMatch(/"action":"send","state":"succeeded"/);
      });

      it('has examples of the rest that work line by line', () => {
        expect(printed).toMatch(/"action":"copy","state":"succeeded".*"action":"send","state":"succeeded"/s);
        const [, whole, recorded] = /^([0-9a-f]{64}) {2}onedrive\.zip\n([0-9a-f]{64})$/m.exec(printed) ?? [];
        expect(recorded).toBe(whole);
        expect(printed).toMatch(/"userCode".*"totalItemsCount"/s);
      });
    });

    it('stops at an example that fails', async () => {
      const failing = run('bash', ['-c', `${scriptOf('README.md')}\napi $GATEWAY/api/v1/operations/none`], {
        cwd: folder,
        env: { ...process.env, GATEWAY: world.gateway.url },
      });
      await expect(failing).rejects.toMatchObject({ code: 22, stdout: expect.stringContaining('validation-failed') });
    }, 60_000);

    it('has an OpenAPI document that is what the gateway serves', () => {
      const served: unknown = JSON.parse(JSON.stringify(createOpenApiDocument(world.gateway.app)));
      expect(JSON.parse(read('openapi.json'))).toEqual(served);
    });
  });

  it('shows in the README what npm start prints', () => {
    const here = '/home/you/restore-gateway';
    const printed = guide({
      root: here,
      gatewayUrl: 'http://127.0.0.1:3000',
      organizationId: '5c1a2b30-0000-4000-8000-00000000c001',
      issuer: 'http://127.0.0.1:9400',
      apiVersion: 'v5',
      veeamUrl: 'https://127.0.0.1:4443',
      veeamControlUrl: 'http://127.0.0.1:40509',
      productionDir: `${here}/.sandbox/veeam/production`,
      mailDir: `${here}/.sandbox/mail`,
    });
    expect(read('README.md')).toContain(`\`\`\`text\n${printed.trim()}\n\`\`\``);
  });

  it('shows in docs/api.md what each version of the backup server can do', () => {
    // Formatting pads the cells of a table.
    const unpadded = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
    expect(unpadded(read('docs/api.md'))).toContain(unpadded(capabilityTable()));
  });

  it.each(pages)('has no dead link in %s', (page) => {
    const text = read(page).replace(/```.*?```/gs, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const dead = targets.filter((target) => !/^https?:/.test(target) && !isThere(page, target));
    expect(dead).toEqual([]);
  });

  it('names only tests that there are in SECURITY.md', () => {
    const named = [...read('SECURITY.md').matchAll(/`([\w./-]+\.(?:e2e-)?spec\.ts)`/g)].map(([, path = '']) => path);
    const folders = ['.', 'test', 'apps/gateway/src'];
    const missing = named.filter((path) => !folders.some((folder) => existsSync(join(root, folder, path))));
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(missing)]).toEqual([]);
  });

  it('explains every variable of the service and no other', () => {
    const known = [...read('libs/config/src/environment.ts').matchAll(/^ {2}.*?\b([A-Z][A-Z0-9_]{3,})[!?]?(?::| =)/gm)];
    const secrets = ['DATABASE_URL', 'DATABASE_OWNER_URL', 'VEEAM_USERNAME', 'VEEAM_PASSWORD'];
    const table = read('docs/operate/install.md').split('### Variables')[1]?.split('### The YAML file')[0] ?? '';
    const explained = [...table.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);
    expect(explained.sort()).toEqual([...new Set([...known.map(([, name]) => name), ...secrets])].sort());
  });

  it('explains every limit of the YAML file', () => {
    const limits = read('libs/config/src/settings.ts').split('class LimitSettings')[1]?.split('\n}')[0] ?? '';
    const names = [...limits.matchAll(/\) (\w+) = /g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(5);
    const page = read('docs/operate/install.md');
    expect(names.filter((name) => !page.includes(`\`limits.${name}\``))).toEqual([]);
  });
});

/** A file of the repository, and the heading if one is named. */
function isThere(page: string, target: string): boolean {
  const [path = '', fragment] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  if (fragment === undefined) return true;
  const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slug(heading));
  return headings.includes(fragment);
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
