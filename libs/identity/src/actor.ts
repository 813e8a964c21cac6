import { isObject, type JsonObject } from './compact-token.js';
import { TokenRefusedError } from './refusal.js';
import { asText, isSubject } from './claim-texts.js';

/** Who acts for the subject of a token, as its issuer says: nobody but the token's own client when there is none. */
export interface Actor {
  /** The token's own issuer unless the claim names another. Whoever it is, it is the token's issuer that vouches for the actor. */
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string | undefined;
}

/** The current actor and those before it. */
const LONGEST_CHAIN = 4;

/**
 * Reads `act` (RFC 8693, section 4.1). Of a chain only the outermost actor counts; the nested ones are history, and must be sound all the
 * same. `may_act` says who might, and is not looked at.
 *
 * @throws TokenRefusedError
 */
export function readActor(claims: JsonObject, issuer: string): Actor | undefined {
  if (!Object.hasOwn(claims, 'act')) return undefined;
  const chain = [];
  for (let holder = claims; Object.hasOwn(holder, 'act');) {
    const { act } = holder;
    if (!isObject(act) || chain.length === LONGEST_CHAIN) throw new TokenRefusedError('unsound-claims');
    chain.push(actorOf(act, issuer));
    holder = act;
  }
  return chain[0];
}

function actorOf({ sub, iss, client_id: clientId }: JsonObject, issuer: string): Actor {
  if (!isSubject(sub)) throw new TokenRefusedError('unsound-claims');
  return {
    issuer: iss === undefined ? issuer : asText(iss),
    subject: sub,
    clientId: clientId === undefined ? undefined : asText(clientId),
  };
}
