import type { IssuerConfiguration, RoleBinding } from '@app/config';
import { readActor } from './actor.js';
import { asText } from './claim-texts.js';
import { isObject, type JsonObject } from './compact-token.js';
import { type ClaimName, type ClaimsPreset, presets } from './presets.js';
import type { Principal } from './principal.js';
import { TokenRefusedError } from './refusal.js';
import { organizationsOf } from './role-bindings.js';
import type { AccessTokenClaims } from './token-claims.js';

/** What tells one person from another, and a service has none of. */
const nobody = { objectId: undefined, ownershipEmail: undefined, userName: undefined, email: undefined };
const MOST_VALUES = 1_000;
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_GUID = '00000000-0000-0000-0000-000000000000';
const EMAIL_ADDRESS = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([a-z0-9.-]{1,253})$/;

/**
 * Who the checked claims speak of. A claim that is there but of the wrong shape refuses the token rather than being read over: a policy may
 * forbid something to a group as well as permit it.
 *
 * @throws TokenRefusedError
 */
export function principalFromClaims(
  claims: AccessTokenClaims,
  issuer: IssuerConfiguration,
  bindings: readonly RoleBinding[],
): Principal {
  const names = presets[issuer.preset];
  refuseOverage(claims, names);
  const clientId = readText(claims, names.clientId);
  const objectId = readObjectId(claims, names.objectId);
  const person = {
    objectId,
    ownershipEmail: objectId === undefined ? readOwnershipEmail(claims, issuer) : undefined,
    userName: readText(claims, names.userName),
    email: readEmail(claims, names.email, issuer.emailDomains),
  };
  const isService = isServiceToken(claims, issuer, clientId);
  const bearer = {
    issuer: claims.iss,
    groups: readValues(claims, names.groups),
    roles: readValues(claims, names.roles),
    scopes: readScopes(claims, names.scopes),
    organizations: issuer.organizations,
  };
  return {
    ...bearer,
    subject: claims.sub,
    clientId,
    actor: readActor(claims, claims.iss),
    kind: isService ? 'service' : 'person',
    ...(isService ? nobody : person),
    operatorOf: organizationsOf('operator', bearer, bindings),
    auditorOf: organizationsOf('auditor', bearer, bindings),
  };
}

/**
 * Entra ID leaves groups out of a token that would have too many, and says so: by a distributed claim (OpenID Connect Core 1.0,
 * section 5.6.2), which is not fetched, or by `hasgroups`. Nobody knows then what a group would have forbidden.
 */
function refuseOverage(claims: JsonObject, { groups, roles, scopes }: ClaimsPreset): void {
  const { _claim_names: elsewhere = {}, hasgroups = false } = claims;
  if (!isObject(elsewhere) || typeof hasgroups !== 'boolean') throw new TokenRefusedError('unsound-claims');
  const isLeftOut = (name: ClaimName) => typeof name === 'string' && Object.hasOwn(elsewhere, name);
  if (hasgroups || [...groups, ...roles, ...scopes].some(isLeftOut)) throw new TokenRefusedError('groups-overage');
}

/**
 * A service's token is the application's own: it says so, or its subject is its client (RFC 9068, section 2.2). The object id of such a
 * token, if any, is the application's and equals the subject. One trace of a person, and it is a person's: nobody becomes a
 * service by choosing a client.
 */
function isServiceToken(claims: AccessTokenClaims, issuer: IssuerConfiguration, clientId: string | undefined): boolean {
  const { isApplicationOnly, userName, email, objectId } = presets[issuer.preset];
  const keys = issuer.ownershipByEmail === undefined ? [] : [issuer.ownershipByEmail.addressClaim];
  const namesPerson = first(claims, [...userName, ...email, ...keys]) !== undefined;
  const oid = first(claims, objectId);
  if (namesPerson || (oid !== undefined && oid !== claims.sub)) return false;
  return isApplicationOnly(claims) || (oid === undefined && claims.sub === clientId);
}

function first(claims: JsonObject, names: readonly ClaimName[]): unknown {
  return names.map((name) => claimOf(claims, name)).find((value) => value !== undefined && value !== null);
}

function claimOf(claims: JsonObject, name: ClaimName): unknown {
  if (typeof name === 'string') return ownClaim(claims, name);
  const holder = ownClaim(claims, name[0]) ?? {};
  if (!isObject(holder)) throw new TokenRefusedError('unsound-claims');
  return ownClaim(holder, name[1]);
}

/** Names come from the configuration too, and `constructor` is a member of every object. */
function ownClaim(claims: JsonObject, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function readText(claims: JsonObject, names: readonly string[]): string | undefined {
  const value = first(claims, names);
  return value === undefined ? undefined : asText(value);
}

/** Only a GUID proves ownership; an issuer whose `oid` is something else has nothing to prove it with. */
function readObjectId(claims: JsonObject, names: readonly string[]): string | undefined {
  const value = readText(claims, names)?.toLowerCase();
  return value !== undefined && GUID.test(value) && value !== NO_GUID ? value : undefined;
}

/** Believed only if the issuer says that it verified the address, and may speak for its domain. */
function readEmail(claims: JsonObject, names: readonly string[], domains: readonly string[]): Principal['email'] {
  const address = addressWithin(domains, readText(claims, names));
  return address !== undefined && claims.email_verified === true ? { address, isVerified: true } : undefined;
}

function readOwnershipEmail(
  claims: JsonObject,
  { ownershipByEmail, emailDomains }: IssuerConfiguration,
): string | undefined {
  if (ownershipByEmail === undefined) return undefined;
  const { addressClaim, verifiedClaim } = ownershipByEmail;
  const address = addressWithin(emailDomains, readText(claims, [addressClaim]));
  return ownClaim(claims, verifiedClaim) === true ? address : undefined;
}

function addressWithin(domains: readonly string[], value: string | undefined): string | undefined {
  const address = asciiLowerCase(value ?? '');
  const domain = EMAIL_ADDRESS.exec(address)?.[1];
  return domain !== undefined && domains.includes(domain) ? address : undefined;
}

/** `toLowerCase` would make a plain k of the Kelvin sign, and so one domain of another. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function readValues(claims: JsonObject, names: readonly ClaimName[]): readonly string[] {
  const value = first(claims, names) ?? [];
  const values: unknown[] = Array.isArray(value) ? value : [value];
  if (values.length > MOST_VALUES) throw new TokenRefusedError('unsound-claims');
  return [...new Set(values.map(asText))];
}

/** One string with spaces between (RFC 8693, section 4.2), or an array of strings as some issuers send it. */
function readScopes(claims: JsonObject, names: readonly string[]): readonly string[] {
  const value = first(claims, names);
  if (typeof value !== 'string') return readValues(claims, names);
  return [
    ...new Set(
      value
        .split(' ')
        .filter((scope) => scope !== '')
        .map(asText),
    ),
  ];
}
