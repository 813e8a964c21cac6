import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import pg from 'pg';

import { freePort } from '../scripts/free-port.js';
import { type CommandAnswer, runCommand } from './support/command.js';
import { makePfx, type Pfx } from './support/pfx.js';
import { SecretMount } from './support/secret-mount.js';
import { changedSettings } from './support/settings.js';
import { type Neighbours, startNeighbours } from './support/world.js';

const fixture = (name: string) => join(__dirname, '../libs/secrets/spec-support/pkcs12', `${name}.pfx`);

describe('npm run credentials', () => {
  let neighbours: Neighbours;
  let mount: SecretMount;
  let pfx: Pfx;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    pfx = await makePfx('password of the file');
    const files = {
      'one.pfx': pfx.file,
      'one.password': `${pfx.password}\n`,
      'wrong.password': 'not the password',
      'veeam.password': 'no login password',
    };
    mount = await SecretMount.with(files, {
      canary: neighbours.canary,
      // Converting one is to print it.
      belongsIn: (name) => (name === 'veeam.password' ? ['upstream-login'] : name === 'one.pfx' ? ['command'] : []),
    });
  });
  afterAll(async () => {
    await neighbours.close();
    await mount.remove();
  });

  const run = (args: readonly string[], environment: Record<string, string> = {}, input = '') =>
    runCommand('credentials', args, { environment, input, canary: neighbours.canary });

  describe('-- check', () => {
    it('says of every credential that it can be used, and ends with 0', async () => {
      const { stdout, stderr, code } = await run(['check'], neighbours.environment);
      expect(stderr).toBe('');
      expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
        'credential | kind | state | detail',
        'DATABASE_URL | database | ok | logged in',
        'backup server default | login | ok | logged in, API v5',
        `credential profile contoso | user | ok | read, for ${neighbours.veeam.restoreUserName}`,
        expect.stringMatching(
          /^credential profile fabrikam \| application \| ok \| CN=restore-application, [0-9A-F]{40}, expires 20[^ ]* \(in \d+ days\)$/,
        ) as string,
        '',
      ]);
      expect(code).toBe(0);
    });

    it('speaks the version that the gateway has found before, and keeps none that it finds itself', async () => {
      const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
      const kept = async () => (await owner.query('select url, api_version from upstream_servers')).rows as unknown[];
      const login = async (environment: Record<string, string> = {}) => {
        const auto = { ...neighbours.environment, VEEAM_API_VERSION: 'auto', ...environment };
        const { stdout } = await run(['check'], auto);
        return stdout.split('\n').find((line) => line.startsWith('backup server'));
      };
      try {
        expect(await login()).toMatch(/login +ok +logged in, API v8$/);
        expect(await kept()).toEqual([]);
        const { url } = neighbours.veeam;
        await owner.query('insert into upstream_servers values ($1, $2, now())', [url, 'v6']);
        expect(await login()).toMatch(/login +ok +logged in, API v6$/);
        expect(await kept()).toEqual([{ url, api_version: 'v6' }]);
        const port = await freePort();
        expect(
          await login({ DATABASE_URL_FILE: '', DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` }),
        ).toMatch(/login +ok +logged in, API v8; which one the gateway uses could not be read$/);
      } finally {
        await owner.query('delete from upstream_servers');
        await owner.end();
      }
    });

    it('says what cannot be used and why, goes on with the rest, and ends with 1', async () => {
      const settings = await changedSettings(neighbours, ({ credentialProfiles = [] }) => ({
        credentialProfiles: credentialProfiles.map((profile) =>
          profile.kind === 'application'
            ? { ...profile, certificatePassword: { file: mount.path('wrong.password') } }
            : profile,
        ),
      }));
      const { stdout, stderr, code } = await run(['check'], {
        ...neighbours.environment,
        ...settings,
        VEEAM_PASSWORD_FILE: mount.path('veeam.password'),
      });
      expect(code).toBe(1);
      expect(stdout).toMatch(/^backup server default +login +BROKEN +The backup server refuses the login/m);
      expect(stdout).toMatch(/^credential profile fabrikam +application +BROKEN +cannot be opened with its password$/m);
      expect(stdout).toMatch(/^credential profile contoso +user +ok /m);
      for (const secret of ['not the password', 'no login password', neighbours.veeam.restorePassword]) {
        expect(stdout + stderr).not.toContain(secret);
      }
    });

    it('warns of a certificate without a MAC, and ends with 0', async () => {
      const settings = await changedSettings(neighbours, ({ credentialProfiles = [] }) => ({
        credentialProfiles: credentialProfiles.map((profile) =>
          profile.kind === 'application'
            ? { ...profile, certificate: { file: fixture('null-password-no-mac') }, certificatePassword: 'none' }
            : profile,
        ),
      }));
      const { stdout, stderr, code } = await run(['check'], { ...neighbours.environment, ...settings });
      expect(stderr).toBe('');
      expect(stdout).toMatch(
        /^credential profile fabrikam +application +warning +O=Contoso, CN=restore rsa, .* days\); the file has no MAC/m,
      );
      expect(stdout).toMatch(/^credential profile contoso +user +ok /m);
      expect(code).toBe(0);
    });

    it('names the faults of a configuration that cannot be read', async () => {
      const { stderr, code } = await run(['check'], { ...neighbours.environment, VEEAM_PASSWORD_FILE: '/nowhere' });
      expect(stderr).toContain('VEEAM_PASSWORD_FILE: cannot be read (ENOENT)');
      expect(code).toBe(1);
    });
  });

  describe('-- convert', () => {
    const base64 = () => `${pfx.file.toString('base64')}\n`;

    it.each<[string, () => Promise<CommandAnswer>]>([
      ['a file', () => run(['convert', mount.path('one.pfx'), '--password-file', mount.path('one.password')])],
      ['standard input', () => run(['convert', mount.path('one.pfx')], {}, `${pfx.password}\n`)],
    ])('prints the one-line base64 and what is in it, with the password from %s', async (_, convert) => {
      const { stdout, stderr, code } = await convert();
      expect(stdout).toBe(base64());
      expect(stderr).toMatch(/^subject +CN=restore-application$/m);
      expect(stderr).toMatch(/^thumbprint \(SHA-1\) +[0-9A-F]{40}$/m);
      expect(stderr).toMatch(/^key +RSA$/m);
      expect(stderr).toMatch(/^valid +2020-01-01T00:00:00.000Z to 20/m);
      expect(stdout + stderr).not.toContain(pfx.password);
      expect(code).toBe(0);
    });

    it.each([
      ['empty-password', 'yes'],
      ['null-password-no-mac', 'none'],
    ])('takes %s, which has no password, when that is said', async (name, mac) => {
      const { stdout, stderr, code } = await run(['convert', fixture(name), '--no-password']);
      expect(stdout).toBe(`${(await readFile(fixture(name))).toString('base64')}\n`);
      expect(stderr).toMatch(new RegExp(`^MAC +${mac}`, 'm'));
      expect(code).toBe(0);
    });

    it('takes a file that is base64 already', async () => {
      await mount.change('plain write', { 'one.base64': pfx.file.toString('base64').replace(/.{64}/g, '$&\n') });
      expect(await run(['convert', mount.path('one.base64')], {}, pfx.password)).toMatchObject({ stdout: base64() });
    });

    it.each<[string, () => string[], string, string]>([
      [
        'one that has a password after all',
        () => [mount.path('one.pfx'), '--no-password'],
        'x',
        'The file cannot be opened without a password.',
      ],
      ['a wrong password', () => [mount.path('one.pfx')], 'wrong', 'The file cannot be opened with its password.'],
      ['a file that is none', () => [mount.path('one.password')], 'x', 'The file must be a PKCS#12 (PFX) file'],
      ['a file that is not there', () => ['/nowhere.pfx'], 'x', 'The file cannot be read (ENOENT).'],
    ])('prints nothing of %s but the reason, and ends with 1', async (_, args, password, reason) => {
      const { stdout, stderr, code } = await run(['convert', ...args()], {}, password);
      expect(stdout).toBe('');
      expect(stderr).toContain(reason);
      expect(code).toBe(1);
    });
  });

  it.each<[string, string[], string?]>([
    ['no command', []],
    ['an unknown one', ['rotate']],
    ['no file', ['convert']],
    ['an empty password', ['convert', fixture('empty-password')], '\n'],
    ['a password and none', ['convert', 'one.pfx', '--no-password', '--password-file', 'x']],
    ['a password as an argument', ['convert', 'one.pfx', '--password', 'x']],
  ])('shows its usage for %s, and ends with 2', async (_, args, input = 'x') => {
    const { stdout, stderr, code } = await run(args, {}, input);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage:\n  credentials check\n');
    expect(code).toBe(2);
  });
});
