import type { Exchange } from '../http/api-version.js';

/** The versions with a URL per verb, oldest first. */
export const verbVersions = ['v6', 'v7', 'v8'] as const;
export type VerbVersion = (typeof verbVersions)[number];

/** Whether the version that is asked is this one or a later one: all that tells them apart. */
export function isSince({ version }: Pick<Exchange, 'version'>, first: VerbVersion): boolean {
  return verbVersions.findIndex((name) => name === version) >= verbVersions.indexOf(first);
}
