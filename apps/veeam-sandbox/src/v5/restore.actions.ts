import type { Answer, Exchange } from '../http/api-version.js';
import { bulkAnswer, restoreAnswer } from '../http/blocking-restores.js';
import { credentialsIn } from '../http/credentials.js';
import type { Fields } from '../http/fields.js';
import { bulkOrder, copyOrder, documentVersionIn, restoreOrder } from '../http/orders.js';
import type { Asked } from '../http/selection.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest } from '../world/sandbox-error.js';
import { oneDriveToWire } from './wire.js';

export async function restore(asked: Asked): Promise<Answer> {
  const documentVersion = documentVersionIn(asked.members);
  const order = restoreOrder(asked, {
    credentials: credentialsIn(asked.members),
    allVersions: documentVersion === 'all',
    options: { documentVersion },
  });
  return restoreAnswer(asked.exchange, order);
}

/** v5 documents a user name and password as the only way to log in here. */
export async function copy(asked: Asked): Promise<Answer> {
  const order = copyOrder(asked, (members) => {
    const credentials = credentialsIn(members);
    if (credentials.kind !== 'user') throw badRequest('Missing mandatory parameters: userName');
    return credentials;
  });
  return restoreAnswer(asked.exchange, order);
}

/** Several OneDrives at once, with names of its own for the account. */
export async function restoreOneDrives(
  exchange: Exchange,
  session: RestoreSession,
  oneDrives: readonly OneDrive[],
  members: Fields,
): Promise<Answer> {
  const documentVersion = documentVersionIn(members);
  const userName = members.text('officeUsername') ?? members.required('onPremisesUsername');
  const userPassword = members.text('officePassword') ?? members.required('onPremisesPassword');
  const order = bulkOrder(exchange, session, oneDrives, members, {
    credentials: { kind: 'user', userName, userPassword },
    allVersions: documentVersion === 'all',
    options: { documentVersion },
  });
  return bulkAnswer(exchange, order, oneDrives, (oneDrive) => oneDriveToWire(exchange, session, oneDrive));
}
