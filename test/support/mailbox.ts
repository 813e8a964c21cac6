import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';

/** The mails that arrived, oldest first. */
export async function readMails(mailDir: string): Promise<ParsedMail[]> {
  const files = (await readdir(mailDir)).filter((name) => name.endsWith('.eml')).sort();
  return Promise.all(files.map(async (name) => simpleParser(await readFile(join(mailDir, name)))));
}
