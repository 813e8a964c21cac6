import type { ApiVersion } from '@app/config';
import { NotSupportedByUpstreamError } from '@app/problems';
import type { ActionItem, CopyOptions, CredentialsKind, RestoreCredentials, RestoreOptions } from '../model.js';
import { isOfDocuments } from './shared/item-route.js';

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
  /** Earlier versions of folders and documents can be listed and acted on. */
  readonly versions: boolean;
  /** All OneDrives of a restore session can be searched at once. */
  readonly searchOfAllOneDrives: boolean;
  /** A copy of documents, and not only one of folders or a OneDrive, may choose `changedItems` and `deletedItems`. */
  readonly documentCopyChoices: boolean;
}

interface Able {
  readonly version: ApiVersion;
  readonly capabilities: Capabilities;
}

/** An action as far as a version may be unable to do it. */
export type WantedAction =
  | {
      readonly action: 'restore';
      readonly item: ActionItem;
      readonly options: RestoreOptions;
      readonly credentials: CredentialsKind;
    }
  | {
      readonly action: 'copy';
      readonly item: ActionItem;
      readonly options: Omit<CopyOptions, 'target'>;
      readonly credentials: CredentialsKind;
    }
  | { readonly action: 'send' | 'save'; readonly item: ActionItem };

/** @throws NotSupportedByUpstreamError */
export function demandAction(able: Able, wanted: WantedAction): void {
  const { item } = wanted;
  demand(able, able.capabilities.versions || !hasVersion(item), `${wanted.action} an earlier version`);
  switch (wanted.action) {
    case 'restore': {
      const { restoreCredentials, restoreDocumentVersionAll } = able.capabilities;
      demandCredentials(able, 'restore', restoreCredentials, wanted.credentials);
      demand(able, restoreDocumentVersionAll || wanted.options.documentVersion === 'last', 'restore all versions');
      return;
    }
    case 'copy': {
      const { copyCredentials, copyDocumentVersionAll } = able.capabilities;
      demandCredentials(able, 'copy', copyCredentials, wanted.credentials);
      demand(able, copyDocumentVersionAll || wanted.options.documentVersion === 'last', 'copy all versions');
      if (isOfDocuments(item)) demandDocumentCopy(able, wanted.options);
      return;
    }
    case 'send':
    case 'save':
      return;
  }
}

/** @throws NotSupportedByUpstreamError when the version has no such call */
export function demandCall<T>({ version }: Able, call: T | undefined, what: string): T {
  if (call === undefined) throw notSupported(version, what);
  return call;
}

/** No version can restore permissions with a single document, or tell whom it was shared with. */
function demandDocumentCopy(able: Able, options: Omit<CopyOptions, 'target'>): void {
  const { changedItems, deletedItems, restorePermissions, sendSharedLinksNotification } = options;
  const { documentCopyChoices } = able.capabilities;
  demand(able, documentCopyChoices || !changedItems, 'copy documents with changedItems');
  demand(able, documentCopyChoices || !deletedItems, 'copy documents with deletedItems');
  demand(able, !restorePermissions, 'copy documents with restorePermissions');
  demand(able, !sendSharedLinksNotification, 'copy documents with sendSharedLinksNotification');
}

function hasVersion(item: ActionItem): boolean {
  return 'versionId' in item && item.versionId !== undefined;
}

const credentialNames = {
  user: 'user name and password',
  application: 'an application certificate',
  'device-code': 'a device code',
} as const;

function demandCredentials(
  able: Able,
  action: 'restore' | 'copy',
  taken: readonly RestoreCredentials['kind'][],
  { kind, region }: CredentialsKind,
): void {
  demand(able, taken.includes(kind), `${action} with ${credentialNames[kind]}`);
  demand(able, able.capabilities.credentialRegions || region === undefined, 'log in in a certain region');
}

function demand({ version }: Able, isSupported: boolean, what: string): void {
  if (!isSupported) throw notSupported(version, what);
}

function notSupported(version: ApiVersion, what: string): NotSupportedByUpstreamError {
  return new NotSupportedByUpstreamError(`API version ${version} of the backup server cannot ${what}.`);
}
