import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type PolicyFault, PolicySetError, type PolicySetTexts, SCHEMA_FILE } from './policy-set.js';

/** The policies that come with the gateway. */
export function defaultPolicyFolder(): string {
  return join(configFolder(), 'policies');
}

/**
 * Every `*.cedar` file right in the folder, and the schema of this gateway: it belongs to the code and is not the
 * folder's to change. Reads at once, so that no two readings mix.
 * @throws PolicySetError naming each file that cannot be read
 */
export function readPolicyFiles(folder: string): PolicySetTexts {
  const faults: PolicyFault[] = [];
  const names = readOr(faults, folder, [], () => readdirSync(folder))
    .filter((name) => name.endsWith('.cedar') && !name.startsWith('.'))
    .sort();
  const policies = names.map((name) => ({ name, text: readOr(faults, name, '', () => readText(join(folder, name))) }));
  const schemaText = readOr(faults, SCHEMA_FILE, '', () => readText(join(configFolder(), SCHEMA_FILE)));
  if (faults.length > 0) {
    throw new PolicySetError(faults);
  }
  return { schemaText, policies };
}

function readText(path: string): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
}

function readOr<T>(faults: PolicyFault[], file: string, otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    faults.push({ file, line: undefined, message: `cannot be read (${code})` });
    return otherwise;
  }
}

/** Lies beside the sources, and in the image beside `dist`. */
function configFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    folder = dirname(folder);
  }
  return join(folder, 'config');
}
