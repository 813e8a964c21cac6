import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { type CommandAnswer, startCommand } from './command.js';
import type { TestDatabase } from './test-database.js';

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

  run(args: readonly string[], environment: Record<string, string> = {}): Promise<CommandAnswer> {
    return this.start(args, environment).ended;
  }

  start(
    args: readonly string[],
    environment: Record<string, string> = {},
  ): { child: ChildProcess; ended: Promise<CommandAnswer> } {
    return startCommand('audit', args, {
      folder: this.folder,
      environment: { ...this.environment, ...environment },
    });
  }
}
