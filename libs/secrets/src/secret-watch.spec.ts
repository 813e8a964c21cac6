import { ManualClock } from '@app/clock';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Scrubber } from './scrubber.js';
import { SecretGroup } from './secret-group.js';
import { SecretSource, SecretSourceError } from './secret-source.js';
import { type SecretReload, SecretWatch } from './secret-watch.js';

describe('SecretWatch', () => {
  const clock = new ManualClock();
  let folder: string;
  let group: SecretGroup<'key' | 'password'>;
  let reloads: SecretReload[];
  let tried: string[];
  let watch: SecretWatch<'key' | 'password'>;
  let isUpstreamDown: boolean;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secret-watch-'));
    await write('key', 'key of one');
    await write('password', 'one');
    group = new SecretGroup({
      key: SecretSource.file(join(folder, 'key')),
      password: SecretSource.file(join(folder, 'password')),
    });
    group.replace(await group.read());
    reloads = [];
    tried = [];
    isUpstreamDown = false;
    watch = new SecretWatch({
      group,
      clock,
      check: ({ key, password }) => {
        tried.push(`${key.expose()} with ${password.expose()}`);
        if (isUpstreamDown) return Promise.reject(new Error('cannot be tried now'));
        return key.expose() === `key of ${password.expose()}`
          ? Promise.resolve()
          : Promise.reject(new SecretSourceError('does not fit'));
      },
      isWorthAnotherTry: (error) => !(error instanceof SecretSourceError),
      onReload: (reload) => reloads.push(reload),
    });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const inUse = () => `${group.current.key.expose()} with ${group.current.password.expose()}`;

  async function look(times = 2): Promise<void> {
    for (let count = 0; count < times; count++) await watch.look();
  }

  async function change(to: string): Promise<void> {
    await write('key', `key of ${to}`);
    await write('password', to);
  }

  it('takes a change that is the same at two looks, after it was tried', async () => {
    await change('two');
    await look(1);
    expect(inUse()).toBe('key of one with one');
    await look(1);
    expect(inUse()).toBe('key of two with two');
    expect(tried).toEqual(['key of two with two']);
    expect(reloads).toEqual([{ kind: 'replaced' }]);
  });

  it('takes nothing that changes from look to look', async () => {
    for (const [index, text] of ['t', 'tw', 'two'].entries()) {
      await change(text);
      await look(1);
      expect([index, inUse()]).toEqual([index, 'key of one with one']);
    }
    expect(tried).toEqual([]);
  });

  it('never uses one without the other, and takes both once both are there', async () => {
    await write('key', 'key of two');
    await look();
    expect(inUse()).toBe('key of one with one');
    expect(watch.isRefused).toBe(true);
    await write('password', 'two');
    await look();
    expect(inUse()).toBe('key of two with two');
    expect(watch.isRefused).toBe(false);
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'replaced']);
  });

  it('tells once what it refuses, and tries it no more', async () => {
    await write('password', 'wrong');
    await look(5);
    await clock.advance(3_600_000);
    await look(5);
    expect(tried).toEqual(['key of one with wrong']);
    expect(reloads).toEqual([{ kind: 'refused', error: new SecretSourceError('does not fit') }]);
    expect(inUse()).toBe('key of one with one');
  });

  it('tries again after a minute what could not be tried', async () => {
    isUpstreamDown = true;
    await change('two');
    await look(5);
    expect(tried).toHaveLength(1);
    await clock.advance(60_000);
    await look(5);
    expect(tried).toHaveLength(2);
    isUpstreamDown = false;
    await clock.advance(60_000);
    await look();
    expect(inUse()).toBe('key of two with two');
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'replaced']);
  });

  it('is content again when the files hold again what is in use', async () => {
    await write('password', 'wrong');
    await look();
    await write('password', 'one');
    await look();
    expect(watch.isRefused).toBe(false);
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'withdrawn']);
  });

  it.each<[string, (path: string) => Promise<void>, string]>([
    ['gone', (path) => rm(path), 'cannot be read (ENOENT)'],
    ['emptied', (path) => writeFile(path, ''), 'must not be empty'],
  ])('goes on with what it has when a file is %s', async (_, spoil, rule) => {
    await spoil(join(folder, 'password'));
    await look(3);
    expect(inUse()).toBe('key of one with one');
    expect(reloads).toEqual([{ kind: 'refused', error: new SecretSourceError(rule) }]);
    await write('password', 'one');
    await look();
    expect(watch.isRefused).toBe(false);
  });

  it('follows an atomic rename', async () => {
    await write('key.new', 'key of two');
    await write('password.new', 'two');
    await rename(join(folder, 'key.new'), join(folder, 'key'));
    await rename(join(folder, 'password.new'), join(folder, 'password'));
    await look();
    expect(inUse()).toBe('key of two with two');
  });

  it('follows a swap of ..data, as Kubernetes mounts secrets', async () => {
    const mount = async (generation: string, text: string) => {
      await mkdir(join(folder, generation));
      await write(join(generation, 'key'), `key of ${text}`);
      await write(join(generation, 'password'), text);
      await symlink(generation, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await mount('..2026_1', 'one');
    for (const name of ['key', 'password']) {
      await rm(join(folder, name));
      await symlink(join('..data', name), join(folder, name));
    }
    await look();
    await mount('..2026_2', 'two');
    await look();
    expect(inUse()).toBe('key of two with two');
    expect(reloads).toEqual([{ kind: 'replaced' }]);
  });

  it('lets a scrubber know whatever is read, used or not, and go on knowing what is and was in use', async () => {
    const scrubber = new Scrubber();
    const source = SecretSource.file(join(folder, 'key'));
    await source.load();
    scrubber.follow(source);
    await write('key', 'another key');
    const another = await source.read();
    expect(scrubber.scrub('key of one, another key')).toBe('[redacted], [redacted]');

    source.replace(another);
    for (let count = 0; count < 45; count++) {
      await write('key', `refused key ${count}`);
      await source.read();
    }
    expect(scrubber.scrub('key of one, another key, refused key 44')).toBe('[redacted], [redacted], [redacted]');
    for (let count = 45; count < 200; count++) {
      await write('key', `refused key ${count}`);
      await source.read();
    }
    expect(scrubber.scrub('another key, refused key 199')).toBe('[redacted], [redacted]');
  });

  it('tells of what somebody else has replaced, who could not wait', async () => {
    await look();
    await change('two');
    group.replace(await group.read());
    await look();
    expect(reloads).toEqual([{ kind: 'replaced' }]);
    expect(tried).toEqual([]);
    expect(inUse()).toBe('key of two with two');
  });

  it('does so once, also when it had refused just that', async () => {
    await change('two');
    isUpstreamDown = true;
    await look();
    expect(watch.isRefused).toBe(true);
    group.replace(await group.read());
    await look();
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'replaced']);
    expect(watch.isRefused).toBe(false);
  });
});
