import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '@app/clock';

import { alice } from '../spec-support/callers.js';
import { question } from '../spec-support/questions.js';
import { type PolicyReload, PolicySetError, PolicySource } from './index.js';

const OPEN = '@id("open") permit (principal, action, resource);\n';
const STOP = '@id("stop") forbid (principal, action, resource);\n';
const BROKEN = 'permit (principal,';

describe('the policies in force', () => {
  let folder: string;
  let reloads: PolicyReload[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'policies-'));
    reloads = [];
    write('open.cedar', OPEN);
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, text: string | Buffer) => {
    writeFileSync(join(folder, name), text);
  };
  const start = () => new PolicySource({ folder, onReload: (reload) => reloads.push(reload) });
  const isOpen = (source: PolicySource) => source.engine.decide(question('save', alice)).allowed;
  const refusals = () => reloads.map((reload) => (reload.kind === 'refused' ? String(reload.error) : reload.kind));

  it('are those that come with the gateway when no folder is named', () => {
    expect(new PolicySource().engine.policyIds).toContain('people-act-on-own-onedrive');
  });

  it('are every file of the folder that is named like one', () => {
    write('stop.cedar', STOP);
    write('README.md', 'read me');
    write('.hidden.cedar', BROKEN);
    mkdirSync(join(folder, 'more'));
    writeFileSync(join(folder, 'more', 'broken.cedar'), BROKEN);
    expect(start().engine.policyIds).toEqual(['open', 'stop']);
  });

  it.each<[what: string, spoil: (path: string) => void, message: string]>([
    [
      'a broken file',
      (path) => {
        writeFileSync(path, BROKEN);
      },
      'a.cedar:1: ',
    ],
    [
      'a folder named like a file',
      (path) => {
        mkdirSync(path);
      },
      'a.cedar: cannot be read (EISDIR)',
    ],
    [
      'a file that is not UTF-8',
      (path) => {
        writeFileSync(path, Buffer.of(0x2f, 0xff));
      },
      'a.cedar: cannot be read',
    ],
    [
      'a link to nowhere',
      (path) => {
        symlinkSync('nowhere', path);
      },
      'a.cedar: cannot be read (ENOENT)',
    ],
    [
      'no file any more',
      (path) => {
        rmSync(path.replace('a.cedar', 'open.cedar'));
      },
      'there is no policy',
    ],
  ])('stop the start when the folder has %s', (_what, spoil, message) => {
    spoil(join(folder, 'a.cedar'));
    expect(start).toThrow(PolicySetError);
    expect(start).toThrow(message);
  });

  it('stop the start when the folder is not there', () => {
    expect(() => new PolicySource({ folder: join(folder, 'nowhere') })).toThrow('cannot be read (ENOENT)');
  });

  it('are replaced by a reload, as a whole', () => {
    const source = start();
    const before = source.engine;
    write('stop.cedar', STOP);
    expect(isOpen(source)).toBe(true);

    source.reload();

    expect(isOpen(source)).toBe(false);
    expect(before.decide(question('save', alice)).allowed).toBe(true);
    expect(reloads).toEqual([{ kind: 'replaced', digest: source.engine.digest, replaced: before.digest }]);
  });

  it('stay when the new ones are broken, and that is told once', () => {
    write('stop.cedar', STOP);
    const source = start();
    const before = source.engine;
    write('stop.cedar', BROKEN);

    source.reload();
    source.reload();

    expect(source.engine).toBe(before);
    expect(isOpen(source)).toBe(false);
    expect(refusals()).toEqual([expect.stringContaining('stop.cedar:1:')]);

    write('stop.cedar', '// rubbed out');
    source.reload();
    rmSync(folder, { recursive: true });
    source.reload();
    mkdirSync(folder);
    source.reload();
    expect(isOpen(source)).toBe(false);
    expect(refusals().slice(1)).toEqual([
      expect.stringContaining('stop.cedar: holds no policy'),
      expect.stringContaining('cannot be read (ENOENT)'),
      expect.stringContaining('there is no policy'),
    ]);

    write('open.cedar', OPEN);
    source.reload();
    expect(isOpen(source)).toBe(true);
    expect(refusals()).toHaveLength(5);
    expect(refusals()[4]).toBe('replaced');
  });

  it('tell of the same broken set again when a good one was there in between', () => {
    const source = start();
    for (const text of [BROKEN, OPEN, BROKEN]) {
      write('open.cedar', text);
      source.reload();
    }
    expect(reloads.map(({ kind }) => kind)).toEqual(['refused', 'refused']);
  });

  describe('while the folder is watched', () => {
    const clock = new ManualClock();

    it('are replaced by a change that has come to rest', async () => {
      const source = start();
      const stop = source.watch(clock, 5_000);
      write('stop.cedar', STOP);
      await clock.advance(5_000);
      expect(isOpen(source)).toBe(true);
      await clock.advance(5_000);
      expect(isOpen(source)).toBe(false);
      await clock.advance(60_000);
      expect(reloads).toHaveLength(1);
      stop();
    });

    it('are not replaced by half a change, though it would be a valid set', async () => {
      write('stop.cedar', STOP);
      const source = start();
      const stop = source.watch(clock, 5_000);

      rmSync(join(folder, 'stop.cedar'));
      await clock.advance(5_000);
      write('stop.cedar', `// now with a comment\n${STOP}`);
      await clock.advance(5_000);
      expect(isOpen(source)).toBe(false);
      await clock.advance(5_000);

      expect(isOpen(source)).toBe(false);
      expect(reloads.map(({ kind }) => kind)).toEqual(['replaced']);
      stop();
    });

    it('stay when the change is broken, and that is told once', async () => {
      const source = start();
      const stop = source.watch(clock, 5_000);
      write('open.cedar', BROKEN);
      await clock.advance(60_000);
      expect(isOpen(source)).toBe(true);
      expect(reloads).toHaveLength(1);
      stop();
    });

    it('are left alone once the watch has ended', async () => {
      const source = start();
      const stop = source.watch(clock, 5_000);
      write('stop.cedar', STOP);
      await clock.advance(5_000);
      stop();
      await clock.advance(60_000);
      expect(isOpen(source)).toBe(true);
    });
  });

  describe('with the emergency stop', () => {
    const asksFor = (source: PolicySource, action: 'save' | 'browse') => source.engine.decide(question(action, alice));

    it('deny every action by a policy of their own, and nothing else', () => {
      const source = start();
      source.setEmergencyStop(true);
      expect(asksFor(source, 'save')).toMatchObject({ allowed: false, policies: ['emergency-stop-switch'] });
      expect(source.engine.firstStage(alice, 'restore').allowed).toBe(false);
      expect(asksFor(source, 'browse').allowed).toBe(true);
      source.setEmergencyStop(false);
      expect(isOpen(source)).toBe(true);
      expect(reloads).toEqual([]);
    });

    it('deny from the start on', () => {
      expect(isOpen(new PolicySource({ folder, isStopped: true }))).toBe(false);
    });

    it('go on denying when another set is put in force, and take no broken one', () => {
      const source = start();
      source.setEmergencyStop(true);
      write('more.cedar', '@id("more") permit (principal, action, resource);');
      source.reload();
      expect(source.engine.policyIds).toEqual(['emergency-stop-switch', 'more', 'open']);
      expect(isOpen(source)).toBe(false);
      write('more.cedar', BROKEN);
      source.reload();
      source.setEmergencyStop(false);
      expect(source.engine.policyIds).toEqual(['more', 'open']);
    });

    it('leave its id to nobody else', () => {
      write('mine.cedar', '@id("emergency-stop-switch") permit (principal, action, resource);');
      expect(start).toThrow('"emergency-stop-switch" is not free');
    });
  });
});
