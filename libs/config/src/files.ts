import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { RawEnvironment } from './environment.js';
import type { Faults } from './faults.js';

/** The absolute path of the PEM file a variable names, if it names one. */
export async function certificateFile(raw: RawEnvironment, key: string, faults: Faults): Promise<string | undefined> {
  const path = raw[key];
  return path === undefined ? undefined : certificateAt(path, key, faults);
}

/** The absolute path of a PEM file. */
export async function certificateAt(path: string, key: string, faults: Faults): Promise<string> {
  await tell(faults, key, async () => {
    const text = await readFile(path, 'latin1');
    if (!text.includes('-----BEGIN CERTIFICATE-----'))
      faults.add(key, 'must name a file with a certificate in PEM form');
  });
  return resolve(path);
}

/** The absolute path of a file that there may not be yet, in a folder that there is. */
export async function fileToBe(path: string, key: string, faults: Faults): Promise<string> {
  await tell(faults, key, async () => {
    if (!(await stat(dirname(path))).isDirectory()) faults.add(key, 'must be in a folder');
  });
  return resolve(path);
}

/** The absolute path of the folder a variable names, if it names one. */
export async function folder(raw: RawEnvironment, key: string, faults: Faults): Promise<string | undefined> {
  const path = raw[key];
  if (path === undefined) return undefined;
  await tell(faults, key, async () => {
    if (!(await stat(path)).isDirectory()) faults.add(key, 'must name a folder');
  });
  return resolve(path);
}

/** The errors of node:fs hold the path, which may be a secret in the wrong variable, so only their code is told. */
async function tell(faults: Faults, key: string, look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    faults.add(key, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
}
