import { empty, json, type Answer } from '../http/api-version.js';
import { credentialsIn } from '../http/credentials.js';
import type { Exchange } from '../http/api-version.js';
import type { Fields } from '../http/fields.js';
import { bulkOrder, carryOut, copyOrder, documentVersionIn, restoreOrder, type RestoreOrder } from '../http/orders.js';
import type { Asked } from '../http/selection.js';
import type { RestoreStatistics } from '../world/item-restore.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest, internalFailure, SandboxError } from '../world/sandbox-error.js';
import { issuesToWire, oneDriveToWire, statisticsToWire } from './wire.js';

/* Restores and copies hold the connection until they are through, and answer with what came of them. */

export async function restore(asked: Asked): Promise<Answer> {
  const documentVersion = documentVersionIn(asked.members);
  const order = restoreOrder(asked, {
    credentials: credentialsIn(asked.members),
    allVersions: documentVersion === 'all',
    options: { documentVersion },
  });
  return answerWith(asked.exchange, order);
}

/** v5 documents a user name and password as the only way to log in here. */
export async function copy(asked: Asked): Promise<Answer> {
  const order = copyOrder(asked, (members) => {
    const credentials = credentialsIn(members);
    if (credentials.kind !== 'user') throw badRequest('Missing mandatory parameters: userName');
    return credentials;
  });
  return answerWith(asked.exchange, order);
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
  const done = await run(exchange, order);
  const isPartial = done.some(({ failed }) => failed > 0) || done.length < oneDrives.length;
  return json({
    status: isPartial ? 'Warning' : 'Success',
    error: null,
    details: order.parts.map(({ selection: { oneDrive } }, i) => {
      const statistics = done[i];
      return {
        oneDrive: oneDriveToWire(exchange, session, oneDrive),
        status: (statistics?.failed ?? 0) > 0 ? 'Warning' : 'Success',
        details: { failedRestrictionsCount: 0, restoreIssues: statistics ? issuesToWire(statistics) : [] },
      };
    }),
  });
}

async function answerWith(exchange: Exchange, order: RestoreOrder): Promise<Answer> {
  const [statistics] = await run(exchange, order);
  const isEmpty = exchange.faults.get('outcome')?.emptyBody === true || !statistics;
  return isEmpty ? empty() : json(statisticsToWire(statistics));
}

async function run(exchange: Exchange, { record, parts }: RestoreOrder): Promise<RestoreStatistics[]> {
  const accepted = exchange.accept(record);
  await exchange.faults.reach('running');
  try {
    const done: RestoreStatistics[] = [];
    for (const part of parts) done.push(await carryOut(exchange, part));
    accepted.state = 'finished';
    return done;
  } catch (error) {
    accepted.state = 'failed';
    if (error instanceof SandboxError) throw error;
    throw internalFailure(error instanceof Error ? error.message : String(error));
  }
}
