import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';

import type { Neighbours } from './world.js';

/** The members of the YAML file that specs change. */
export interface YamlSettings {
  readonly roleBindings: readonly Readonly<Record<string, unknown>>[];
  readonly issuers?: readonly Readonly<Record<string, unknown>>[];
}

/** The environment that names a changed copy of the neighbours' YAML file; it goes when the neighbours go. */
export async function changedSettings(
  { environment }: Pick<Neighbours, 'environment'>,
  change: (settings: YamlSettings) => Partial<YamlSettings>,
): Promise<Record<string, string>> {
  const original = environment.GATEWAY_CONFIG ?? '';
  const settings = parse(await readFile(original, 'utf8')) as YamlSettings;
  const changed = join(dirname(original), `${randomUUID()}.yaml`);
  await writeFile(changed, stringify({ ...settings, ...change(settings) }, { aliasDuplicateObjects: false }));
  return { GATEWAY_CONFIG: changed };
}
