import type { ApiVersion } from '@app/config';
import type { Secret } from '@app/secrets';
import type {
  ActionItem,
  ActionResult,
  CopyOptions,
  DeviceCode,
  EmailExplorer,
  EmailSettings,
  Item,
  ItemRef,
  MailOptions,
  NewEmailSettings,
  OneDrive,
  Organization,
  OrganizationUser,
  Outcome,
  Page,
  RestoreCredentials,
  RestoreEvent,
  RestoreOptions,
  UpstreamRestoreSession,
} from '../model.js';
import type { Call } from '../wire/call.js';
import type { WireForm } from '../wire/body.js';
import type { PageRequest } from '../wire/page.js';
import type { Refusals } from '../wire/refusal.js';
import type { Capabilities } from './capabilities.js';
import type { ListItems } from './shared/items.js';

export interface OpenRestoreSessionOptions {
  /** ISO 8601 with a zone; the latest backup when absent. */
  readonly pointInTime?: string | undefined;
  readonly showDeleted: boolean;
  readonly showAllVersions: boolean;
}

export interface SaveOptions {
  /** Only documents that are saved one by one have a choice; everything else is always a ZIP. */
  readonly asZip: boolean;
}

/** Of one explorer on the backup server. */
export interface EmailSettingsCalls {
  readonly explorer: EmailExplorer;
  readonly read: () => Call<EmailSettings>;
  /** What is not given stays as it is. */
  readonly change: (settings: NewEmailSettings) => Call<void>;
}

/**
 * How one upstream API version wants requests written and its answers read: a table of values and pure functions. A further version
 * is a further folder with one of these and a line in index.ts.
 */
export interface Dialect {
  readonly version: ApiVersion;
  readonly capabilities: Capabilities;
  /** Sent with every login besides grant, user and password. */
  readonly loginFields: WireForm;
  readonly refusals: Refusals;

  /** A cheap read that needs a login. */
  health(): Call<void>;
  listOrganizations(page: PageRequest): Call<Page<Organization>>;
  listUsers(organizationId: string, page: PageRequest): Call<Page<OrganizationUser>>;
  findUsers(organizationId: string, email: string, page: PageRequest): Call<Page<OrganizationUser>>;
  findUsersByDisplayName(organizationId: string, name: string, page: PageRequest): Call<Page<OrganizationUser>>;
  listUserOneDrives(organizationId: string, userId: string, page: PageRequest): Call<Page<OneDrive>>;

  openRestoreSession(organizationId: string, options: OpenRestoreSessionOptions): Call<UpstreamRestoreSession>;
  getRestoreSession(restoreSessionId: string): Call<UpstreamRestoreSession>;
  stopRestoreSession(restoreSessionId: string): Call<void>;
  /** Events of a session, by `order`. */
  listRestoreEvents(restoreSessionId: string, page: PageRequest): Call<Page<RestoreEvent>>;
  requestDeviceCode(restoreSessionId: string, applicationId: string): Call<DeviceCode>;
  listOneDrives(restoreSessionId: string, page: PageRequest): Call<Page<OneDrive>>;
  getOneDrive(restoreSessionId: string, oneDriveId: string): Call<OneDrive>;

  readonly listItems: ListItems;
  getItem(restoreSessionId: string, item: ItemRef): Call<Item>;
  searchOneDrive(restoreSessionId: string, oneDriveId: string, query: string, page: PageRequest): Call<Page<Item>>;

  /** The settings that `send` may take, in the order to look at; any one that is complete is enough. */
  readonly emailSettings: readonly EmailSettingsCalls[];
  restore(
    restoreSessionId: string,
    item: ActionItem,
    options: RestoreOptions,
    credentials: RestoreCredentials,
  ): Call<ActionResult>;
  copy(
    restoreSessionId: string,
    item: ActionItem,
    options: CopyOptions,
    credentials: RestoreCredentials,
  ): Call<ActionResult>;
  send(restoreSessionId: string, item: ActionItem, options: MailOptions): Call<ActionResult>;
  /** The answer is a stream, so there is nothing to read. */
  save(restoreSessionId: string, item: ActionItem, options: SaveOptions): Call<void>;

  /** Where restore and copy go on after their answer: what tells how they went. */
  readonly following?: {
    /** Those that upstream shows to this account, newest first; sessions for browsing are among them. */
    readonly listRestoreSessions: (startedAfter: string, page: PageRequest) => Call<Page<UpstreamRestoreSession>>;
    /** Numbers so far, or the last ones; `result` is left to the session. */
    readonly restoreStatistics: (restoreSessionId: string) => Call<Omit<Outcome, 'result'>>;
  };
  /** Where all OneDrives can be searched at once. */
  readonly searchOneDrives?: (restoreSessionId: string, query: string, page: PageRequest) => Call<Page<Item>>;
  /** Where earlier versions can be told apart and acted on. */
  readonly listVersions?: (restoreSessionId: string, item: ItemRef, page: PageRequest) => Call<Page<Item>>;
  readonly checkDeviceCode?: (userCode: Secret) => Call<{ readonly isConfirmed: boolean }>;
  /** Ends the login that the call is sent with. */
  readonly logout?: () => Call<void>;
}
