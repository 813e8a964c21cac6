import type { QueuedRequest, Reasoned, SaveRequest } from '../actions/action-request.js';

/** What is meant, by words that a caller knows without having looked: a person, a day, a path. */
export interface OneCallPlace extends Reasoned {
  /** Id or tenant name. */
  readonly organization: string;
  readonly whose: WhoseOneDrive;
  /** ISO 8601 UTC; default: the latest backup. */
  readonly pointInTime: string | undefined;
  readonly showDeleted: boolean;
  /** Names from the root on; empty: the OneDrive as a whole. */
  readonly path: readonly string[];
}

export type WhoseOneDrive = { readonly user: string } | { readonly oneDriveId: string };

export interface OneCallRestore {
  readonly place: OneCallPlace;
  readonly request: QueuedRequest;
  /** Only tells what it would be. */
  readonly isDryRun: boolean;
}

export interface OneCallDownload {
  readonly place: OneCallPlace;
  readonly request: SaveRequest;
}
