import type { ApiVersion, UpstreamTrust } from '@app/config';
import type { Clock } from '@app/clock';
import type { Secret, SecretGroup, SecretValues } from '@app/secrets';

/** The account of the gateway, whose name and password change together. */
export type Login = SecretValues<'username' | 'password'>;
export type LoginSource = Pick<SecretGroup<'username' | 'password'>, 'current' | 'read' | 'replace'>;

export interface VeeamClientOptions {
  /** Base such as `https://backup.corp:4443`: https, no version, no trailing slash. */
  readonly url: string;
  /** `auto`: the newest version that the server serves and this client speaks, found at the first call and kept. */
  readonly apiVersion: ApiVersion | 'auto';
  /** Keeps what `auto` found, so that an upgraded server does not change the version by itself. */
  readonly versionMemory?: VersionMemory;
  readonly trust: UpstreamTrust;
  /** Read afresh once when upstream refuses it, so that a rotated one is picked up; what is then taken becomes current. */
  readonly login: LoginSource;
  /** All the secrets there are, to be scrubbed from what upstream says before it is logged, recorded or shown. */
  readonly secrets?: readonly { readonly current: Secret }[];
  readonly clock: Clock;
  readonly timeouts?: Partial<UpstreamTimeouts>;
  /** Called at the end of every single request, retries and logins included; must not throw. */
  readonly onRequest?: (event: UpstreamRequestEvent) => void;
  /** W3C `traceparent` to send with a request. */
  readonly traceparent?: () => string | undefined;
  /** `X-Request-Id` to send with a request. */
  readonly requestId?: () => string | undefined;
}

export interface VersionMemory {
  recall(): Promise<string | undefined>;
  keep(version: ApiVersion): Promise<void>;
}

/** All in milliseconds. */
export interface UpstreamTimeouts {
  /** TCP and TLS together, each attempt. */
  readonly connectMs: number;
  /** Until the headers of an answer, logins and catalog reads. */
  readonly headersMs: number;
  /** The same for opening a restore session, browsed or (v8) of a restore or copy, which upstream may take minutes for. */
  readonly openHeadersMs: number;
  /** The same for restore, copy, send and save: a v5 restore blocks until it ends, a download is first built upstream. */
  readonly actionHeadersMs: number;
  /** Silence within the body of an answer while somebody waits for more of it. */
  readonly idleBodyMs: number;
  /** First pause before a retry; doubled each time, with up to half of it taken off at random. */
  readonly retryDelayMs: number;
  /** How long a refused login is remembered, so that a wrong password does not lock the account. */
  readonly refusedLoginMs: number;
  /** The same for one that was read afresh, while the one before it is refused too. */
  readonly refusedFreshLoginMs: number;
  /** Pause between looks at whether a stopped restore session has really stopped, and at the numbers of one that has. */
  readonly stopPollMs: number;
}

export const DEFAULT_TIMEOUTS: UpstreamTimeouts = {
  connectMs: 10_000,
  headersMs: 60_000,
  openHeadersMs: 300_000,
  actionHeadersMs: 24 * 3_600_000,
  idleBodyMs: 120_000,
  retryDelayMs: 200,
  refusedLoginMs: 5_000,
  refusedFreshLoginMs: 60_000,
  stopPollMs: 500,
};

/** One request as it went to upstream: chosen facts for log and metrics, without ids and secrets. */
export interface UpstreamRequestEvent {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Template such as `/v5/RestoreSessions/{restoreSessionId}`. */
  readonly route: string;
  /** Absent when no answer came. */
  readonly status: number | undefined;
  /** Until the answer was read; for a download until its headers. */
  readonly durationMs: number;
  /** Problem code of a failure of the transport. */
  readonly errorCode: string | undefined;
}
