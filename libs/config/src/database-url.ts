import type { SecretSource } from '@app/secrets';
import type { Faults } from './faults.js';

/** The form of the URL that a source holds, if it holds one. */
export function requireDatabaseUrl(key: string, source: SecretSource | undefined, faults: Faults): void {
  if (!source) return;
  const url = source.current.expose();
  if (!URL.canParse(url) || !/^postgres(ql)?:\/\//.test(url)) faults.add(key, 'must be a postgresql:// URL');
}
