import type { ApiVersion } from '@app/config';
import { NotSupportedByUpstreamError } from '@app/problems';
import type { CopyOptions, RestoreCredentials, RestoreOptions } from '../model.js';

/** What a version can do; asking for more throws NotSupportedByUpstreamError before anything is sent. */
export interface Capabilities {
  readonly restoreCredentials: readonly RestoreCredentials['kind'][];
  readonly copyCredentials: readonly RestoreCredentials['kind'][];
  /** Credentials may name the region of Microsoft 365 that their tenant lies in. */
  readonly credentialRegions: boolean;
  /** `documentVersion: all` in a restore; `last` is what every version can do. */
  readonly restoreDocumentVersionAll: boolean;
  readonly copyDocumentVersionAll: boolean;
  /** Restore and copy go on after the answer, in a session of their own (v8); otherwise the answer comes at the end. */
  readonly followedRestores: boolean;
  /** Upstream can be asked whether a device code was confirmed. */
  readonly deviceCodeCheck: boolean;
}

interface Able {
  readonly version: ApiVersion;
  readonly capabilities: Capabilities;
}

/** @throws NotSupportedByUpstreamError */
export function demandRestore(able: Able, { documentVersion }: RestoreOptions, credentials: RestoreCredentials): void {
  const { restoreCredentials, restoreDocumentVersionAll } = able.capabilities;
  const { kind } = credentials;
  demand(able, restoreCredentials.includes(kind), `restore with ${credentialNames[kind]}`);
  demandRegion(able, credentials);
  demand(able, restoreDocumentVersionAll || documentVersion === 'last', 'restore all versions');
}

/** @throws NotSupportedByUpstreamError */
export function demandCopy(able: Able, { documentVersion }: CopyOptions, credentials: RestoreCredentials): void {
  const { copyCredentials, copyDocumentVersionAll } = able.capabilities;
  const { kind } = credentials;
  demand(able, copyCredentials.includes(kind), `copy with ${credentialNames[kind]}`);
  demandRegion(able, credentials);
  demand(able, copyDocumentVersionAll || documentVersion === 'last', 'copy all versions');
}

/** @throws NotSupportedByUpstreamError when the version has no such call */
export function demandCall<T>({ version }: Able, call: T | undefined, what: string): T {
  if (call === undefined) throw notSupported(version, what);
  return call;
}

const credentialNames = {
  user: 'user name and password',
  application: 'an application certificate',
  'device-code': 'a device code',
} as const;

function demandRegion(able: Able, credentials: RestoreCredentials): void {
  const region = credentials.kind === 'device-code' ? undefined : credentials.region;
  demand(able, able.capabilities.credentialRegions || region === undefined, 'log in in a certain region');
}

function demand({ version }: Able, isSupported: boolean, what: string): void {
  if (!isSupported) throw notSupported(version, what);
}

function notSupported(version: ApiVersion, what: string): NotSupportedByUpstreamError {
  return new NotSupportedByUpstreamError(`API version ${version} of the backup server cannot ${what}.`);
}
