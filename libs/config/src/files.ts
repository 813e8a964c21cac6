import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { RawEnvironment } from './environment.js';
import type { Faults } from './faults.js';

/** Absolute paths of files and folders; one that is not there, or not what it should be, is a fault, unless they are named only and not looked at. */
export class NamedFiles {
  constructor(
    private readonly faults: Faults,
    private readonly isLooking = true,
  ) {}

  /** The PEM file a variable names, if it names one. */
  async certificateOf(raw: RawEnvironment, key: string): Promise<string | undefined> {
    const path = raw[key];
    return path === undefined ? undefined : this.certificate(path, key);
  }

  /** A PEM file. */
  async certificate(path: string, key: string): Promise<string> {
    await this.#look(key, async () => {
      const text = await readFile(path, 'latin1');
      if (!text.includes('-----BEGIN CERTIFICATE-----'))
        this.faults.add(key, 'must name a file with a certificate in PEM form');
    });
    return resolve(path);
  }

  /** A file that there may not be yet, in a folder that there is. */
  async toBe(path: string, key: string): Promise<string> {
    await this.#look(key, async () => {
      if (!(await stat(dirname(path))).isDirectory()) this.faults.add(key, 'must be in a folder');
    });
    return resolve(path);
  }

  /** The folder a variable names, if it names one. */
  async folderOf(raw: RawEnvironment, key: string): Promise<string | undefined> {
    const path = raw[key];
    if (path === undefined) return undefined;
    await this.#look(key, async () => {
      if (!(await stat(path)).isDirectory()) this.faults.add(key, 'must name a folder');
    });
    return resolve(path);
  }

  /** The errors of node:fs hold the path, which may be a secret in the wrong variable, so only their code is told. */
  async #look(key: string, look: () => Promise<void>): Promise<void> {
    if (!this.isLooking) return;
    try {
      await look();
    } catch (error) {
      this.faults.add(key, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
    }
  }
}
