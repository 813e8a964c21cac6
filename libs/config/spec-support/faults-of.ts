import { ConfigurationError } from '../src/faults.js';

/** What is wrong with a configuration, a line each; none when it loads. The message says the same. */
export async function faultsOf(loading: Promise<unknown>): Promise<string[]> {
  const error: unknown = await loading.then(
    () => new ConfigurationError([]),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigurationError)) throw error;
  const lines = error.faults.map(({ key, rule }) => `${key}: ${rule}`);
  expect(error.message.split('\n  ').slice(1)).toEqual(lines);
  return lines;
}
