import { randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How secrets that lie in files come to be others. */
export type MountChange = 'plain write' | 'atomic rename' | '..data swap';

type Files = Readonly<Record<string, string | Buffer>>;

/** A folder of secrets, as whoever mounts or writes them changes it. */
export class SecretMount {
  private constructor(private readonly folder: string) {}

  static async with(files: Files): Promise<SecretMount> {
    const mount = new SecretMount(await mkdtemp(join(tmpdir(), 'restore-gateway-secrets-')));
    await mount.change('plain write', files);
    return mount;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async change(how: MountChange, files: Files): Promise<void> {
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

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
