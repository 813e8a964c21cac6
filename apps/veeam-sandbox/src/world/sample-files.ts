import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { people } from '../people.js';
import { deletedFolder, versionsFolder } from './files-tree.js';

const day = 24 * 60 * 60 * 1000;

/** Writes the small tree that is served when no folder was given: files and a folder at the root of each, a history, a deleted file. */
export function writeSampleFiles(filesDir: string, historyDir: string): void {
  if (existsSync(filesDir)) return;
  for (const { login, displayName } of [people.alice, people.bob, people.fred]) {
    const write = (path: string, content: string | Buffer, daysAgo: number, root = filesDir): void => {
      const file = join(root, login, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      const at = new Date(Date.now() - daysAgo * day);
      utimesSync(file, at, at);
    };
    write('Welcome.txt', `Hello ${displayName}, this is your OneDrive.\n`, 40);
    write('Budget 2026.csv', 'quarter,amount\nQ1,1200\nQ2,1350\nQ3,990\n', 3);
    write('Documents/Plan.md', '# Plan\n\n1. Back up\n2. Restore\n3. Sleep well\n', 2);
    write('Documents/Reports/Überblick – 概要.txt', 'Names are UTF-8.\n', 20);
    write('Pictures/holiday.bin', picture(login), 35);
    write(`${versionsFolder}/Documents/Plan.md/1.0`, '# Plan\n\n1. Hope\n', 25, historyDir);
    write(`${versionsFolder}/Documents/Plan.md/2.0`, '# Plan\n\n1. Back up\n2. Hope\n', 10, historyDir);
    write(`${deletedFolder}/Old notes.txt`, 'Nobody needs this any more, or so it seemed.\n', 15, historyDir);
  }
}

/** 300 kB that do not compress. */
function picture(seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i < 4800; i++) blocks.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks, 300_000);
}
