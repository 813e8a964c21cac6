import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { stringify } from 'yaml';

import type { TestDatabase } from './test-database.js';

const command = join(__dirname, '../../dist/apps/gateway/src/audit-cli.js');

export interface AuditCliAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when it was killed. */
  readonly code: number | null;
}

/** `npm run audit` in a folder of its own, as a process. */
export class AuditCli {
  private readonly environment: Record<string, string>;

  /** @param settings of the YAML file, beside the organizations */
  constructor(
    private readonly folder: string,
    { url, ownerUrl }: Pick<TestDatabase, 'url' | 'ownerUrl'>,
    settings: object = {},
  ) {
    const yaml = join(folder, 'gateway.yaml');
    writeFileSync(yaml, stringify({ organizations: [{ name: 'contoso.example' }], ...settings }));
    this.environment = {
      DATABASE_URL: url,
      DATABASE_OWNER_URL: ownerUrl,
      SSO_ISSUER: 'https://sso.example',
      SSO_AUDIENCE: 'restore-gateway',
      VEEAM_URL: 'https://backup.example:4443',
      VEEAM_USERNAME: 'gateway',
      VEEAM_PASSWORD: 'never-used',
      GATEWAY_CONFIG: yaml,
    };
  }

  run(args: readonly string[], environment: Record<string, string> = {}): Promise<AuditCliAnswer> {
    return this.start(args, environment).ended;
  }

  start(
    args: readonly string[],
    environment: Record<string, string> = {},
  ): { child: ChildProcess; ended: Promise<AuditCliAnswer> } {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(child, 'close') as Promise<[number | null]>;
    const ended = Promise.all([text(child.stdout), text(child.stderr), closed]).then(([stdout, stderr, [code]]) => ({
      ...{ stdout, stderr, code },
    }));
    return { child, ended };
  }
}
