import type { IssuerConfiguration } from '@app/config';
import type { JsonObject } from './compact-token.js';

/** The name of a claim, or of a claim within a claim. */
export type ClaimName = string | readonly [claim: string, member: string];

/** How one kind of issuer names things. Of several names the first that the token has counts. */
export interface ClaimsPreset {
  readonly clientId: readonly string[];
  readonly objectId: readonly string[];
  readonly userName: readonly string[];
  readonly email: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly ClaimName[];
  readonly scopes: readonly string[];
  /** Whether the token says of itself that it is nobody's but the application's. */
  readonly isApplicationOnly: (claims: JsonObject) => boolean;
}

const generic: ClaimsPreset = {
  clientId: ['client_id', 'azp', 'appid'],
  objectId: ['oid'],
  userName: ['preferred_username', 'upn'],
  email: ['email'],
  groups: ['groups'],
  roles: ['roles'],
  scopes: ['scope', 'scp'],
  isApplicationOnly: ({ idtyp }) => idtyp === 'app',
};

const entra: ClaimsPreset = {
  ...generic,
  clientId: ['azp', 'appid'],
  scopes: ['scp'],
  // `idtyp` is an optional claim that a tenant may not have switched on. Without it: only delegated tokens have `scp`, and only an
  // application's own have the object id for their subject, which is pairwise for a person.
  isApplicationOnly: (claims) =>
    claims.idtyp === 'app' || (claims.idtyp === undefined && claims.scp === undefined && claims.oid === claims.sub),
};

const okta: ClaimsPreset = { ...generic, clientId: ['cid'], scopes: ['scp'] };

/** Realm roles. Roles of a client are in `resource_access`, one list a client: a mapper puts the right one into `roles`. */
const keycloak: ClaimsPreset = { ...generic, roles: ['roles', ['realm_access', 'roles']] };

export const presets: Readonly<Record<IssuerConfiguration['preset'], ClaimsPreset>> = {
  generic,
  entra,
  okta,
  keycloak,
  ping: generic,
};
