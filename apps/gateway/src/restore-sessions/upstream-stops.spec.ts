import { ManualClock } from '@app/clock';
import type { Logger, Metrics } from '@app/logging';
import type { ClaimedUpstreamSession, FormerUpstreamSessionsRepository } from '@app/store';
import type { BackupServers } from '@app/veeam-client';

import type { AuditTrail } from '../audit/audit-trail.js';
import type { RunningOperations } from '../operations/running-operations.js';
import { UpstreamStops } from './upstream-stops.js';

const session = { backupServer: 'emea', upstreamSessionId: 'upstream-1', organizationName: 'contoso.onmicrosoft.com' };
const claimed: ClaimedUpstreamSession = {
  backupServer: 'emea',
  id: 'upstream-1',
  organizationName: 'contoso.onmicrosoft.com',
  restoreSessionId: 'session-1',
  attempts: 1,
};

/** A promise that the test settles. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  await new Promise(setImmediate);
  return (await Promise.race([promise.then(() => 'settled'), Promise.resolve('pending')])) === 'settled';
};

describe('a stop that a look at the same moment is quicker to claim', () => {
  it('is waited for by whoever asked for it', async () => {
    const clock = new ManualClock();
    const [lookClaims, stopped] = [deferred<ClaimedUpstreamSession>(), deferred<'stopped'>()];
    const claims = jest.fn<Promise<ClaimedUpstreamSession | undefined>, []>().mockResolvedValue(undefined);
    claims.mockReturnValueOnce(lookClaims.promise);
    const tell = jest.fn(() => stopped.promise);
    const ended = jest.fn(() => Promise.resolve(true));
    const client = { stopRestoreSession: tell };
    const quiet = () => undefined;
    const stops = new UpstreamStops(
      {
        claim: claims,
        countTold: () => Promise.resolve(0),
        listLeft: () => Promise.resolve([]),
      } as unknown as FormerUpstreamSessionsRepository,
      { add: quiet } as unknown as RunningOperations,
      { all: [{ name: 'emea' }], of: () => client } as unknown as BackupServers,
      { endedUpstream: ended } as unknown as AuditTrail,
      { countUpstreamStop: quiet, setUpstreamSessionsNotStopped: quiet } as unknown as Metrics,
      clock,
      { warn: quiet, info: quiet } as unknown as Logger,
    );
    stops.onApplicationBootstrap();
    await clock.advance(5_000);
    expect(claims).toHaveBeenCalledTimes(1);

    const stopping = stops.stop(session);
    expect(await isSettled(stopping)).toBe(false);
    expect(claims).toHaveBeenCalledTimes(1);

    lookClaims.resolve(claimed);
    expect(await isSettled(stopping)).toBe(false);
    expect(tell).toHaveBeenCalledTimes(1);
    expect(ended).not.toHaveBeenCalled();

    stopped.resolve('stopped');
    await stopping;
    expect(ended).toHaveBeenCalledTimes(1);
    expect(tell).toHaveBeenCalledTimes(1);
    stops.onModuleDestroy();
  });
});
