import { SessionStoppedError } from '@app/problems';
import { Failure, RefusedAnswer } from './failures.js';
import type { UpstreamRestoreSession } from './model.js';
import { presentable } from './presentable.js';
import type { Upstream } from './upstream.js';

/** Whether restore sessions are there: upstream has no status of its own for a dead one. */
export class RestoreSessions {
  constructor(private readonly upstream: Upstream) {}

  /** Undefined when upstream does not know it. */
  async find(id: string, signal?: AbortSignal): Promise<UpstreamRestoreSession | undefined> {
    try {
      return await this.upstream.call((dialect) => dialect.getRestoreSession(id), { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Work below a session, whose suspicious refusals are looked into. */
  within<T>(id: string, work: () => Promise<T>): Promise<T> {
    return presentable(async () => {
      try {
        return await work();
      } catch (error) {
        throw (await this.isGone(error, id)) ? sessionStopped(error) : error;
      }
    });
  }

  async isGone(error: unknown, id: string): Promise<boolean> {
    if (!(error instanceof RefusedAnswer && error.mayBeGoneSession)) return false;
    try {
      return (await this.find(id))?.state !== 'running';
    } catch {
      // Nothing is known of the session then: the refusal stands as it is.
      return false;
    }
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof RefusedAnswer && error.isNotFound;
}

export function sessionStopped(error: unknown): SessionStoppedError {
  const cause = error instanceof Failure ? error.error.cause : undefined;
  return new SessionStoppedError('The restore session has ended on the backup server.', { cause });
}
