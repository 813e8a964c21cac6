import type { Actor } from './actor.js';

/**
 * The caller: a person or a service with a valid access token of a trusted issuer. It is the subject of the token, whose rights are used
 * and to whom belongs what is made, whoever acts for them.
 */
export interface Principal {
  /** `iss`, one of the configured issuers, compared byte for byte. */
  readonly issuer: string;
  /** `sub`: unique and never reassigned within the issuer (OpenID Connect Core 1.0, section 2). */
  readonly subject: string;
  /** The application that holds the token (`client_id`, `azp` or `appid`). */
  readonly clientId: string | undefined;
  /** Who acts for the caller, where somebody does (RFC 8693). */
  readonly actor: Actor | undefined;
  /** A service acts in its own name (client credentials); a person is somebody with an own OneDrive. */
  readonly kind: 'person' | 'service';
  /** The immutable id of the person in the directory (Entra `oid`), lower-cased: what ownership is proven by. */
  readonly objectId: string | undefined;
  /** Address that proves ownership in place of an object id, lower-cased; only of an issuer that opted for it. */
  readonly ownershipEmail: string | undefined;
  readonly userName: string | undefined;
  readonly email: { readonly address: string; readonly isVerified: boolean } | undefined;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Tenant names (lower-cased) the issuer may speak for: outside of them the caller is nobody. */
  readonly organizations: readonly string[];
  /** Tenant names (lower-cased) that a role binding makes the caller operator of; within `organizations`. */
  readonly operatorOf: ReadonlySet<string>;
  /** Tenant names (lower-cased) whose audit trail a role binding lets the caller read; within `organizations`. */
  readonly auditorOf: ReadonlySet<string>;
}

/** A caller, and how long the token of theirs lets last what it began. */
export interface Authenticated {
  readonly principal: Principal;
  /** ms since the Unix epoch. */
  readonly goodUntil: number;
}
