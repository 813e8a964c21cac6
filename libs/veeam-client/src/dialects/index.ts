import type { ApiVersion } from '@app/config';
import type { Dialect } from './dialect.js';
import { v5 } from './v5/index.js';
import { v8 } from './v8/index.js';

/** Every version this client speaks, newest first: the order in which detection asks for them. */
export const dialects: readonly Dialect[] = [v8, v5];

export function dialectOf(version: ApiVersion): Dialect | undefined {
  return dialects.find((dialect) => dialect.version === version);
}
