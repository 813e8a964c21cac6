import type { AuditActor, NewAuditRecord } from '@app/audit';
import type { Principal } from '@app/identity';

/** What is known of a caller wherever something is recorded of them. */
export type Party = Pick<Principal, 'issuer' | 'subject' | 'clientId'> & Partial<Pick<Principal, 'actor' | 'userName'>>;

/**
 * Who acted, and on whose behalf, in the words of RFC 8693: the caller, or else who acts for the caller by the caller's own token. The
 * client is the one that holds the token, and so the actor's.
 *
 * @param unprovenName for whom a service says that it acts
 */
export function partiesOf(caller: Party, unprovenName?: string): Pick<NewAuditRecord, 'actor' | 'onBehalfOf'> {
  const { actor, clientId, ...subject } = caller;
  const proven = actor && toAuditActor({ ...subject, clientId: undefined });
  return {
    actor: toAuditActor(actor === undefined ? caller : { ...actor, clientId: actor.clientId ?? clientId }),
    ...((proven ?? unprovenName) !== undefined && { onBehalfOf: { ...proven, unprovenName } }),
  };
}

function toAuditActor({ issuer, subject, clientId, userName }: Omit<Party, 'actor'>): AuditActor {
  return {
    issuer,
    subject: wellFormed(subject),
    clientId: clientId === undefined ? undefined : wellFormed(clientId),
    name: userName === undefined ? undefined : wellFormed(userName),
  };
}

/** A token may hold lone surrogates, which no UTF-8 has: a caller must not escape the record by them. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}
