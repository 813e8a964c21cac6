import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Clock, ManualClock } from '@app/clock';
import { stringify } from 'yaml';

import type { Configuration } from './configuration.js';
import { type ConfigurationReload, ConfigurationSource } from './configuration-source.js';
import { loadConfiguration } from './load-configuration.js';

const CONTOSO = 'contoso.onmicrosoft.com';
const settings = {
  organizations: [{ name: CONTOSO }],
  roleBindings: [{ role: 'operator', organizations: [CONTOSO], group: 'restorers' }],
};

describe('the live part of the configuration', () => {
  let folder: string;
  let path: string;
  let environment: NodeJS.ProcessEnv;
  let reloads: ConfigurationReload[];
  let loads: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'configuration-source-'));
    path = join(folder, 'gateway.yaml');
    await write({});
    environment = {
      DATABASE_URL: 'postgresql://gateway:secret@127.0.0.1:5432/gateway',
      SSO_ISSUER: 'https://sso.contoso.com',
      SSO_AUDIENCE: 'restore-gateway',
      VEEAM_URL: 'https://backup.contoso.com:4443',
      VEEAM_USERNAME: 'gateway',
      VEEAM_PASSWORD: 'secret',
      GATEWAY_CONFIG: path,
    };
    reloads = [];
    loads = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (changes: object) => writeFile(path, stringify({ ...settings, ...changes }));

  async function start(beforeLoading: () => Promise<void> = () => Promise.resolve()): Promise<ConfigurationSource> {
    const load = async (): Promise<Configuration> => {
      loads++;
      await beforeLoading();
      return loadConfiguration(environment);
    };
    return new ConfigurationSource(await loadConfiguration(environment), {
      load,
      onReload: (reload) => reloads.push(reload),
    });
  }

  it('is that of the start while the file is as it was', async () => {
    const source = await start();
    await source.reload();
    expect(source.current.roleBindings).toHaveLength(1);
    expect([loads, reloads]).toEqual([0, []]);
  });

  it('follows the file, and tells what is other', async () => {
    const source = await start();
    await write({ emergencyStop: true, roleBindings: [], mail: { recipientDomains: [CONTOSO] } });
    await source.reload();
    expect(source.current).toMatchObject({ emergencyStop: true, roleBindings: [] });
    expect(reloads).toMatchObject([
      { kind: 'replaced', changed: ['roleBindings', 'mail', 'emergencyStop'], waiting: [] },
    ]);
  });

  it('tells what waits for a restart, as long as it does', async () => {
    const source = await start();
    await write({ limits: { sessionsPerCaller: 3 } });
    await source.reload();
    await write({ limits: { sessionsPerCaller: 3 }, reasonPattern: 'INC-.*' });
    await source.reload();
    expect(reloads).toMatchObject([
      { changed: [], waiting: ['limits'] },
      { changed: ['reasonPattern'], waiting: ['limits'] },
    ]);
  });

  it('has receivers of webhooks wait for a restart', async () => {
    environment.NOTICE_KEY = `whsec_${Buffer.alloc(32).toString('base64')}`;
    const source = await start();
    await write({ ownerNotice: { url: 'https://notices.contoso.com', secret: { env: 'NOTICE_KEY' } } });
    await source.reload();
    expect(reloads).toMatchObject([{ changed: [], waiting: ['ownerNotice'] }]);
    expect(JSON.stringify(reloads)).not.toContain(environment.NOTICE_KEY);
  });

  it('stays as it is when the file is broken, which is told once', async () => {
    const source = await start();
    await write({ roleBindings: [{ role: 'operator' }], emergencyStop: true });
    await source.reload();
    await source.reload();
    expect(source.current).toMatchObject({ emergencyStop: false, roleBindings: [{ group: 'restorers' }] });
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused']);
  });

  it('tells of no replacement when what is in force is back after a broken file', async () => {
    const source = await start();
    // The same broken file again is another fault, and told again.
    for (const role of ['operator', 'operator']) {
      await write({ roleBindings: [{ role }] });
      await source.reload();
      await write({});
      await source.reload();
    }
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'refused']);
    await write({ emergencyStop: true });
    await source.reload();
    expect(reloads.at(-1)).toMatchObject({ kind: 'replaced', changed: ['emergencyStop'] });
  });

  it('stays as it is while there is no file', async () => {
    const source = await start();
    const text = await readFile(path, 'utf8');
    await rm(path);
    await source.reload();
    await writeFile(path, text);
    await source.reload();
    expect([loads, reloads]).toEqual([0, []]);
  });

  it('takes nothing that was written only when it was about to be read', async () => {
    const half = { roleBindings: [] };
    const source = await start(() => write(half));
    await write({ emergencyStop: true });
    await source.reload();
    expect(source.current).toMatchObject({ emergencyStop: false, roleBindings: [{ group: 'restorers' }] });
    expect(reloads).toEqual([]);
    await source.reload();
    expect(source.current).toMatchObject({ emergencyStop: false, roleBindings: [] });
    expect(reloads).toMatchObject([{ kind: 'replaced', changed: ['roleBindings'] }]);
  });

  it('takes in the end what was broken only while it was read', async () => {
    let isHalf = true;
    const source = await start(() => (isHalf ? writeFile(path, 'organizations: [') : Promise.resolve()));
    await write({ emergencyStop: true });
    await source.reload();
    isHalf = false;
    await write({ emergencyStop: true });
    await source.reload();
    expect(source.current).toMatchObject({ emergencyStop: true });
    expect(reloads.map(({ kind }) => kind)).toEqual(['replaced']);
  });

  describe('when watched', () => {
    /** Runs one timer, and is done when the next one is set. */
    class Looks implements Clock {
      private due: () => void = () => undefined;
      private onScheduled: () => void = () => undefined;

      now(): number {
        return 0;
      }

      schedule(callback: () => void): () => void {
        this.due = callback;
        this.onScheduled();
        return () => (this.due = () => undefined);
      }

      async next(): Promise<void> {
        const scheduled = new Promise<void>((resolve) => (this.onScheduled = resolve));
        this.due();
        await scheduled;
      }
    }

    it('takes a change that two looks saw alike, and none that goes on', async () => {
      const source = await start();
      const looks = new Looks();
      const stop = source.watch(looks, 1_000);
      await write({ roleBindings: [] });
      await looks.next();
      await write({ emergencyStop: true });
      await looks.next();
      expect(source.current).toMatchObject({ emergencyStop: false, roleBindings: [{ group: 'restorers' }] });
      await looks.next();
      expect(source.current).toMatchObject({ emergencyStop: true, roleBindings: [{ group: 'restorers' }] });
      expect(loads).toBe(1);
      stop();
    });

    it('looks no more once stopped', async () => {
      const source = await start();
      const clock = new ManualClock();
      source.watch(clock, 1_000)();
      await write({ emergencyStop: true });
      await clock.advance(10_000);
      expect(loads).toBe(0);
    });
  });
});
