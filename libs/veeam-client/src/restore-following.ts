import { type Clock, sleep } from '@app/clock';
import { UpstreamBrokenError, UpstreamRejectedError } from '@app/problems';
import { demandCall } from './dialects/capabilities.js';
import { AnswerTooLongError, Failure, RefusedAnswer, TransportFailure } from './failures.js';
import type {
  FollowedRestore,
  LoggedLine,
  Outcome,
  Page,
  RestoreCounts,
  RestoreEvent,
  RestoreResult,
  UpstreamRestoreSession,
} from './model.js';
import type { RestoreSessions } from './restore-sessions.js';
import type { Upstream } from './upstream.js';
import { collectPages, eachPage, type PageRequest } from './wire/page.js';

/** Pages of events that one look reads at most. */
const MAX_EVENT_PAGES = 40;
/** Lines of one session's log that are read at most, which takes 800 requests. */
const MOST_LOG_LINES = 200_000;
const STATISTICS_ATTEMPTS = 3;

type Statistics = Omit<Outcome, 'result'>;

/** Looks at restores that run upstream: what they have come to, and what upstream's own log says of them. */
export class RestoreFollowing {
  constructor(
    private readonly upstream: Upstream,
    private readonly sessions: RestoreSessions,
    private readonly clock: Clock,
  ) {}

  async look(sessionId: string, afterOrder: number, signal: AbortSignal | undefined): Promise<FollowedRestore> {
    const dialect = await this.upstream.dialect();
    const { restoreStatistics } = demandCall(dialect, dialect.following, 'restore in a session of its own');
    const session = await this.sessions.find(sessionId, signal);
    if (!session) return { state: 'unknown' };
    const events = (await unlessFailed(this.events(sessionId, afterOrder, signal))) ?? [];
    const read = () => this.upstream.call(() => restoreStatistics(sessionId), { signal });
    if (session.state === 'running') {
      const statistics = await unlessFailed(read());
      return { state: 'running', progress: { counts: statistics && countsOf(statistics), events } };
    }
    if (!session.result) throw new UpstreamBrokenError('The backup server does not say how a restore ended.');
    const statistics = await this.lastStatistics(read, signal);
    const progress = { counts: statistics && countsOf(statistics), events };
    const outcome = outcomeOf(session.result, statistics);
    return { state: 'stopped', progress, outcome: outcome && this.upstream.sent.scrubOutcome(outcome) };
  }

  /** Undefined when upstream will not give them, which ends no restore that it says has ended. */
  private async lastStatistics(read: () => Promise<Statistics>, signal: AbortSignal | undefined) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read();
      } catch (error) {
        if (!isUnusable(error)) throw error;
        if (attempt === STATISTICS_ATTEMPTS || isTooLong(error)) return undefined;
      }
      await sleep(this.clock, this.upstream.timeouts.stopPollMs, signal);
    }
  }

  /** The page on which the next event must be is asked for first; a server that lists in another order is read from the start. */
  async events(sessionId: string, afterOrder: number, signal: AbortSignal | undefined): Promise<RestoreEvent[]> {
    const read = this.pagesOf(sessionId, signal);
    const isNew = ({ order }: RestoreEvent) => order > afterOrder;
    const expected = await collectSome(read, afterOrder + 1);
    const events = expected.every(isNew) ? expected : (await collectSome(read, 0)).filter(isNew);
    return events.sort((a, b) => a.order - b.order).map((event) => this.upstream.sent.scrubEvent(event));
  }

  async readLog(
    sessionId: string,
    see: (line: LoggedLine) => void,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly isWhole: boolean }> {
    for await (const { items, nextOffset = 0 } of eachPage(this.pagesOf(sessionId, signal))) {
      for (const { order, kind, state, startedAt } of items) see({ order, kind, state, startedAt });
      if (nextOffset >= MOST_LOG_LINES) return { isWhole: false };
    }
    return { isWhole: true };
  }

  async sessionsSince(since: string, signal: AbortSignal | undefined): Promise<UpstreamRestoreSession[]> {
    const dialect = await this.upstream.dialect();
    const { listRestoreSessions } = demandCall(dialect, dialect.following, 'restore in a session of its own');
    // The filter is read as "after", in a resolution nobody states.
    const startedAfter = new Date(Date.parse(since) - 1_000).toISOString();
    const sessions = await collectPages((page) =>
      this.upstream.call(() => listRestoreSessions(startedAfter, page), { signal }),
    );
    return sessions.filter(({ createdAt }) => Date.parse(createdAt) >= Date.parse(since));
  }

  private pagesOf(sessionId: string, signal: AbortSignal | undefined) {
    return (page: PageRequest): Promise<Page<RestoreEvent>> =>
      this.upstream.call((dialect) => dialect.listRestoreEvents(sessionId, page), { signal });
  }
}

/** Long restores log without an end; what is beyond is read at a later look. */
async function collectSome(
  read: (page: PageRequest) => Promise<Page<RestoreEvent>>,
  offset: number,
): Promise<RestoreEvent[]> {
  const all: RestoreEvent[] = [];
  let pages = 0;
  for await (const { items } of eachPage(read, offset)) {
    all.push(...items);
    if (++pages === MAX_EVENT_PAGES) break;
  }
  return all;
}

/** Numbers and events may fail to be had: the session alone tells how a restore stands. */
async function unlessFailed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Failure || error instanceof UpstreamBrokenError) return undefined;
    throw error;
  }
}

/** Whether upstream will not say, or says it so that nobody can read it, rather than that it could not be asked. */
function isUnusable(error: unknown): boolean {
  if (error instanceof RefusedAnswer) return error.error instanceof UpstreamRejectedError;
  return error instanceof UpstreamBrokenError || isTooLong(error);
}

function isTooLong(error: unknown): boolean {
  return error instanceof TransportFailure && error.error instanceof AnswerTooLongError;
}

function countsOf({ total, restored, failed, skipped }: Statistics): RestoreCounts {
  return { total, restored, failed, skipped };
}

/** Upstream's verdict is not overruled by counts, nor are counts by the verdict: both go on. */
function outcomeOf(result: RestoreResult, statistics: Statistics | undefined): Outcome | undefined {
  if (statistics) return { ...statistics, result };
  if (result === 'success') return undefined;
  const message = 'The backup server gave no counts of this restore.';
  return {
    total: 0,
    restored: 0,
    failed: 0,
    skipped: 0,
    skippedByError: undefined,
    skippedByNoChanges: undefined,
    failedRestrictions: undefined,
    result,
    results: [],
    issues: [{ path: undefined, title: undefined, severity: result === 'failed' ? 'error' : 'warning', message }],
  };
}
