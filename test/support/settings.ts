import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';

import type { Neighbours } from './world.js';

/** The members of the YAML file that specs change. */
export interface YamlSettings {
  readonly roleBindings: readonly Readonly<Record<string, unknown>>[];
  readonly backupServers?: readonly Readonly<Record<string, unknown>>[];
  readonly organizations?: readonly Readonly<Record<string, unknown>>[];
  readonly issuers?: readonly Readonly<Record<string, unknown>>[];
  readonly credentialProfiles?: readonly Readonly<Record<string, unknown>>[];
  readonly mailServer?: Readonly<Record<string, unknown>> | undefined;
  readonly mail?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly emergencyStop?: boolean;
  readonly reasonPattern?: string;
  readonly operatorCeilings?: Readonly<Record<string, unknown>>;
  readonly webhooks?: readonly Readonly<Record<string, unknown>>[];
  readonly ownerNotice?: Readonly<Record<string, unknown>>;
}

/** The environment that names a changed copy of the neighbours' YAML file; it goes when the neighbours go. */
export async function changedSettings(
  { environment }: Pick<Neighbours, 'environment'>,
  change: (settings: YamlSettings) => Partial<YamlSettings>,
): Promise<Record<string, string>> {
  const original = environment.GATEWAY_CONFIG ?? '';
  const changed = join(dirname(original), `${randomUUID()}.yaml`);
  await writeFile(changed, await changedText(original, change));
  return { GATEWAY_CONFIG: changed };
}

/** Changes the YAML file of a gateway that may be running. */
export async function rewriteSettings(
  { GATEWAY_CONFIG: path = '' }: Readonly<Record<string, string>>,
  change: (settings: YamlSettings) => Partial<YamlSettings>,
): Promise<void> {
  await writeFile(path, await changedText(path, change));
}

async function changedText(path: string, change: (settings: YamlSettings) => Partial<YamlSettings>): Promise<string> {
  const settings = parse(await readFile(path, 'utf8')) as YamlSettings;
  return stringify({ ...settings, ...change(settings) }, { aliasDuplicateObjects: false });
}
