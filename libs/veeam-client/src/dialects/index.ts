import type { ApiVersion } from '@app/config';
import type { Capabilities } from './capabilities.js';
import type { Dialect } from './dialect.js';
import { v5 } from './v5/index.js';
import { v6 } from './v6/index.js';
import { v7 } from './v7/index.js';
import { v8 } from './v8/index.js';

/** Every version this client speaks, newest first: the order in which detection asks for them. */
export const dialects: readonly Dialect[] = [v8, v7, v6, v5];

const byVersion: Readonly<Record<ApiVersion, Dialect>> = { v5, v6, v7, v8 };

export function dialectOf(version: ApiVersion): Dialect {
  return byVersion[version];
}

/** What a version can do, without a server of it. */
export function capabilitiesOf(version: ApiVersion): Capabilities {
  return byVersion[version].capabilities;
}
