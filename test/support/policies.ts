import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const defaults = join(__dirname, '../../config/policies');

/** A folder for `POLICY_DIR` that starts as a copy of the default policies. */
export class PolicyFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'restore-gateway-policies-'));

  constructor() {
    cpSync(defaults, this.path, { recursive: true });
  }

  /** @param name of a file without `.cedar` */
  write(name: string, text: string): void {
    writeFileSync(this.file(name), text);
  }

  /** Takes one policy out of a file, by its id. */
  withdraw(name: string, id: string): void {
    const text = readFileSync(this.file(name), 'utf8');
    const [before, policy] = text.split(`@id("${id}")`);
    if (before === undefined || policy === undefined) throw new Error(`${name} has no policy ${id}`);
    this.write(name, before + policy.slice(policy.indexOf(';') + 1));
  }

  delete(name: string): void {
    rmSync(this.file(name));
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  private file(name: string): string {
    return join(this.path, `${name}.cedar`);
  }
}
