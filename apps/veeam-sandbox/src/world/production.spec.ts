import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textContent } from './content.js';
import { versionsFolder } from './files-tree.js';
import { type ConflictChoice, Production } from './production.js';

describe('Production', () => {
  let dir: string;
  let production: Production;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'production-'));
    production = new Production(dir);
  });
  afterEach(() => rm(dir, { recursive: true }));

  const versions = Array.from({ length: 20 }, (_, i) => ({
    content: textContent(`text ${i}`),
    modifiedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, i)),
    label: `${i}.0`,
  }));

  const writeAll = (onConflict: ConflictChoice) =>
    Promise.all(versions.map((version) => production.write('alice/Plan.md', version, onConflict)));

  it('takes many restores of one document at once, the last of which stays', async () => {
    await expect(writeAll('overwrite')).resolves.toEqual(versions.map(() => 'written'));

    await expect(readdir(join(dir, 'alice'))).resolves.toEqual(['Plan.md']);
    await expect(readFile(join(dir, 'alice/Plan.md'), 'utf8')).resolves.toBe('text 19');
  });

  it('keeps what each of many merges at once replaced', async () => {
    await expect(writeAll('merge')).resolves.toEqual(versions.map(() => 'written'));

    const history = await readdir(join(dir, `.${versionsFolder}/alice/Plan.md`));
    expect(history).toHaveLength(versions.length - 1);
  });
});
