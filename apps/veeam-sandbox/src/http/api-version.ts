import type { AcceptedAction, NewAction } from '../control/accepted-actions.js';
import type { RequestFaults } from '../control/faults.js';
import type { Download } from '../world/item-archive.js';
import type { SandboxError } from '../world/sandbox-error.js';
import type { World } from '../world/world.js';

/** How downloads are sent. */
export interface SaveMode {
  /** False: chunked, without Content-Length. */
  contentLength: boolean;
  /** True: deflated archives, whose size is not known beforehand. */
  compressed: boolean;
}

export interface Settings {
  readonly saveMode: SaveMode;
  /** Whether v5 takes trailing commas in JSON. */
  lenientJson: boolean;
  /** VB365's mode in which only restore operators may use the API. */
  operatorAuthenticationOnly: boolean;
}

/** One request on its way through a route. */
export interface Exchange {
  readonly world: World;
  readonly settings: Settings;
  /** Name of the API version that is asked. */
  readonly version: string;
  /** What links begin with. */
  readonly base: string;
  /** Who the access token stands for; empty on public routes, as the token is. */
  readonly login: string;
  readonly accessToken: string;
  /** Whether the request carries this antiforgery token, in its cookie and in its header. */
  readonly hasAntiforgery: (token: string) => boolean;
  /** Names in lower case. */
  readonly query: ReadonlyMap<string, string>;
  /** Media type of the body, lower case, without parameters. */
  readonly contentType: string;
  /** Parsed; undefined when there was none. */
  readonly body: unknown;
  readonly faults: RequestFaults;
  /** A path parameter, decoded once. */
  readonly param: (name: string) => string;
  /** Marks the request as a taken-on action. */
  readonly accept: (action: NewAction) => AcceptedAction;
}

export type Answer =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'empty'; readonly status: number }
  | { readonly kind: 'download'; readonly download: Download };

export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer => ({
  kind: 'json',
  status,
  body,
  headers,
});
export const empty = (status = 200): Answer => ({ kind: 'empty', status });

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the version, such as `Organizations/{organizationId}/Users`. */
  readonly pattern: string;
  /** Answers without an access token. */
  readonly isPublic?: boolean;
  handle(exchange: Exchange): Answer | Promise<Answer>;
}

/** The wire of one API version: its routes and shapes over the common world. */
export interface ApiVersion {
  /** The first path segment, such as `v5`. */
  readonly name: string;
  readonly routes: readonly Route[];
  /** @param host with its port, lower case. */
  linkBase(host: string): string;
  /** Throws a `SandboxError` for text that is not JSON. */
  parseJson(text: string, settings: Settings): unknown;
  /** The action a request asks for, in the words of the control API. */
  actionOf(route: Route, body: unknown): string | undefined;
  refusal(error: SandboxError): Answer;
}
