import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretSource, SecretSourceError } from './secret-source.js';
import { Secret } from './secret.js';

describe('SecretSource', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secret-source-'));
    path = join(folder, 'password');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function textOf(source: SecretSource): Promise<string> {
    await source.load();
    return source.current.expose();
  }

  it.each([
    ['as it is', 'hunter2!', 'hunter2!'],
    ['without one trailing newline', 'hunter2!\n', 'hunter2!'],
    ['without one trailing CRLF', 'hunter2!\r\n', 'hunter2!'],
    ['but keeps a second newline', 'hunter2!\n\n', 'hunter2!\n'],
    ['but keeps other white space', ' hunter2! ', ' hunter2! '],
    ['without a byte order mark', '\ufeffhünter', 'hünter'],
  ])('reads the text of a file %s', async (_, content, expected) => {
    await writeFile(path, content);
    expect(await textOf(SecretSource.file(path))).toBe(expected);
  });

  it('follows symbolic links, as Kubernetes mounts secrets', async () => {
    await mkdir(join(folder, '..2026'));
    await writeFile(join(folder, '..2026', 'password'), 'linked secret');
    await symlink('..2026', join(folder, '..data'));
    await symlink(join('..data', 'password'), path);
    expect(await textOf(SecretSource.file(path))).toBe('linked secret');
  });

  it('takes a value of the environment', async () => {
    const source = SecretSource.value('VEEAM_PASSWORD', new Secret('from the environment'));
    expect(await textOf(source)).toBe('from the environment');
    expect(source.description).toBe('VEEAM_PASSWORD');
  });

  it('has nothing before it was loaded', () => {
    expect(() => SecretSource.file(path).current).toThrow('has not been loaded');
  });

  it('keeps what it has until it is loaded again, and when that fails', async () => {
    await writeFile(path, 'the first');
    const source = SecretSource.file(path);
    await source.load();
    await writeFile(`${path}.new`, 'the second');
    await rename(`${path}.new`, path);

    expect((await source.read()).expose()).toBe('the second');
    expect(source.current.expose()).toBe('the first');

    await rm(path);
    await expect(source.load()).rejects.toThrow(SecretSourceError);
    expect(source.current.expose()).toBe('the first');
  });

  it.each<[string, string | Buffer, string]>([
    ['an empty file', '', 'must not be empty'],
    ['a file with only a newline', '\n', 'must not be empty'],
    ['a file that is not UTF-8', Buffer.from([0x68, 0xff, 0xfe]), 'must be UTF-8 text'],
    ['a file over 64 KiB', 'x'.repeat(65_537), 'must not be larger than 64 KiB'],
  ])('refuses %s', async (_, content, rule) => {
    await writeFile(path, content);
    await expect(SecretSource.file(path).load()).rejects.toThrow(new SecretSourceError(rule));
  });

  describe('of a webhook key', () => {
    const key = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
    const load = (value: string) => textOf(SecretSource.value('KEY', new Secret(value), 'webhook-key'));

    it.each([24, 32, 64])('takes one of %d bytes as it is', async (bytes) => {
      expect(await load(`${key(bytes)}\n`)).toBe(key(bytes));
    });

    it.each([
      ['short', key(23)],
      ['long', key(65)],
      ['without its prefix', key(32).slice(6)],
      ['with another prefix', `whpk_${key(32).slice(6)}`],
      ['without padding', key(32).replace(/=+$/, '')],
      ['in base64url', `whsec_${'_-'.repeat(16)}`],
      ['in hexadecimal digits of an odd number', `whsec_${'0'.repeat(33)}`],
      ['with spaces', ` ${key(32)}`],
    ])('refuses one that is %s', async (_, value) => {
      await expect(load(value)).rejects.toThrow(
        new SecretSourceError('must be whsec_ and the base64 of 24 to 64 random bytes'),
      );
    });
  });

  it('takes a file of exactly 64 KiB', async () => {
    await writeFile(path, 'x'.repeat(65_536));
    expect(await textOf(SecretSource.file(path))).toHaveLength(65_536);
  });

  it('refuses an empty or oversized value', async () => {
    await expect(SecretSource.value('X', new Secret('')).load()).rejects.toThrow('must not be empty');
    await expect(SecretSource.value('X', new Secret('x'.repeat(65_537))).load()).rejects.toThrow('64 KiB');
  });

  it('refuses what is not there and what is not a file, without repeating the path', async () => {
    await expect(SecretSource.file(path).load()).rejects.toThrow(new SecretSourceError('cannot be read (ENOENT)'));
    await expect(SecretSource.file(folder).load()).rejects.toThrow(new SecretSourceError('must name a regular file'));
    await expect(SecretSource.file('/dev/zero').load()).rejects.toThrow('must name a regular file');
    await expect(SecretSource.file('a\0b').load()).rejects.toThrow(
      new SecretSourceError('cannot be read (ERR_INVALID_ARG_VALUE)'),
    );
  });

  describe('of a PFX', () => {
    const der = Buffer.from([0x30, 0x82, 0x01, 0x02, ...Array.from({ length: 100 }, (_, index) => index)]);
    const base64 = der.toString('base64');

    it.each<[string, Buffer | string]>([
      ['DER', der],
      ['base64', base64],
      ['base64 in lines', `${base64.slice(0, 64)}\r\n${base64.slice(64)}\n`],
    ])('reads a file that holds %s as base64 on one line', async (_, content) => {
      await writeFile(path, content);
      expect(await textOf(SecretSource.file(path, 'pfx'))).toBe(base64);
    });

    it('reads a value of the environment', async () => {
      expect(await textOf(SecretSource.value('CERTIFICATE', new Secret(` ${base64}\n`), 'pfx'))).toBe(base64);
    });

    it.each<[string, Buffer | string, string]>([
      ['PEM', '-----BEGIN CERTIFICATE-----\nMIIB\n', 'must be a PKCS#12 (PFX) file or the base64 of one'],
      ['base64 of something else', 'aGVsbG8gd29ybGQ=', 'must be a PKCS#12 (PFX) file or the base64 of one'],
      ['nothing', '', 'must not be empty'],
      ['more than 128 KiB', Buffer.alloc(131_073, 0x30), 'must not be larger than 128 KiB'],
    ])('refuses %s', async (_, content, rule) => {
      await writeFile(path, content);
      await expect(SecretSource.file(path, 'pfx').load()).rejects.toThrow(new SecretSourceError(rule));
    });
  });
});
