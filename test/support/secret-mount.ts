import { randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Canary, Sink } from './canary.js';

/** How secrets that lie in files come to be others. */
export type MountChange = 'plain write' | 'atomic rename' | '..data swap';

type Files = Readonly<Record<string, string | Buffer>>;

/** Is told of every secret that a file ever held, and by its name where it may be seen. */
export interface Watching {
  readonly canary: Canary;
  readonly belongsIn: (name: string) => readonly Sink[];
}

/** A folder of secrets, as whoever mounts or writes them changes it. */
export class SecretMount {
  private constructor(
    private readonly folder: string,
    private readonly watching: Watching,
  ) {}

  static async with(files: Files, watching: Watching): Promise<SecretMount> {
    const mount = new SecretMount(await mkdtemp(join(tmpdir(), 'restore-gateway-secrets-')), watching);
    await mount.change('plain write', files);
    return mount;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async change(how: MountChange, files: Files): Promise<void> {
    for (const [name, content] of Object.entries(files)) this.tell(name, content);
    switch (how) {
      case 'plain write':
        for (const [name, content] of Object.entries(files)) await writeFile(this.path(name), content);
        return;
      case 'atomic rename':
        for (const [name, content] of Object.entries(files)) {
          await writeFile(this.path('.new'), content);
          await rename(this.path('.new'), this.path(name));
        }
        return;
      case '..data swap':
        await this.swap(files);
    }
  }

  /** As the kubelet does it: the files are links through `..data`, and that one link is replaced. */
  private async swap(files: Files): Promise<void> {
    const generation = `..${randomUUID()}`;
    await mkdir(this.path(generation));
    for (const [name, content] of Object.entries(files)) await writeFile(this.path(join(generation, name)), content);
    await this.link(generation, '..data');
    for (const name of Object.keys(files)) {
      if (!(await lstat(this.path(name))).isSymbolicLink()) await this.link(join('..data', name), name);
    }
  }

  private async link(target: string, name: string): Promise<void> {
    await symlink(target, this.path('..new'));
    await rename(this.path('..new'), this.path(name));
  }

  /** A file that is not text is used as its base64; of a URL the password is the secret. */
  private tell(name: string, content: string | Buffer): void {
    const text = typeof content === 'string' ? content.trimEnd() : content.toString('base64');
    const secret = text.startsWith('postgresql:') ? decodeURIComponent(new URL(text).password) : text;
    this.watching.canary.knows(`what ${name} held`, secret, ...this.watching.belongsIn(name));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
