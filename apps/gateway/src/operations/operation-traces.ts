import type { Clock } from '@app/clock';
import { API_VERSIONS } from '@app/config';
import {
  type Operation,
  type OperationReconciliation,
  OperationsRepository,
  RestoreSessionsRepository,
} from '@app/store';
import {
  BackupServers,
  capabilitiesOf,
  type FollowedRestore,
  type RestoreProgress,
  type UpstreamRestoreSession,
} from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK } from '../infrastructure/tokens.js';
import { LoggedSteps } from './logged-steps.js';

export type Finding = Pick<OperationReconciliation, 'finding' | 'detail'>;

/** Clocks may differ by so much, ms. */
const SKEW_MS = 60_000;
/** Upstream may begin late with what it was sent; only then does silence tell something, ms. */
const LATE_MS = 5 * 60_000;
/** Sessions that are looked into for one operation. */
const MOST_CANDIDATES = 10;

/**
 * What upstream's log tells of an operation whose answer was lost. That it was done is believed if there are traces that can be of no other
 * operation; that it was not, if there are none where it must have left some. All else is unknown: whoever is told "done" does not
 * restore again, and whoever is told "not done" does.
 */
@Injectable()
export class OperationTraces {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly sessions: RestoreSessionsRepository,
    private readonly servers: BackupServers,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Undefined when it is too early to tell. Rejects as `VeeamClient` does. */
  async find(operation: Operation): Promise<Finding | undefined> {
    const { sentAt, followedSessionId, upstreamSessionId } = operation;
    if (sentAt === undefined || upstreamSessionId === undefined) return nothingSent;
    if (followedSessionId !== undefined) return this.whereItGoesOn(operation, followedSessionId);
    const version = await this.servers.of(operation).apiVersion();
    const sentVersion = API_VERSIONS.find((known) => known === (operation.sentVersion ?? version));
    // By a later version of the gateway.
    if (sentVersion === undefined) return sentByAnother(operation.sentVersion);
    const hasOwnSession = operation.action !== 'send' && capabilitiesOf(sentVersion).followedRestores;
    if (hasOwnSession && !capabilitiesOf(version).followedRestores) return sentByAnother(sentVersion);
    const found = hasOwnSession
      ? await this.inASessionOfItsOwn(operation, sentAt, upstreamSessionId)
      : await this.inTheLog(operation, sentAt, upstreamSessionId);
    return found?.finding === 'not-done' && sentVersion !== version ? sentByAnother(sentVersion) : found;
  }

  /** Upstream gave an id of it, and then it took longer than anybody waits, or was not known at times. */
  private async whereItGoesOn(operation: Operation, followedSessionId: string): Promise<Finding | undefined> {
    const looked = await this.servers.of(operation).followRestore(followedSessionId);
    switch (looked.state) {
      case 'running':
        return undefined;
      case 'stopped':
        return doneIn(looked);
      case 'unknown':
        return this.later(operation.endedAt ?? new Date(0), forgotten);
    }
  }

  /** Where actions are logged in the session they are asked for in. */
  private async inTheLog(operation: Operation, sentAt: Date, sessionId: string): Promise<Finding | undefined> {
    const steps = new LoggedSteps(operation.action === 'send' ? 'send' : 'restore', sentAt.getTime() - SKEW_MS);
    const { isWhole } = await this.servers.of(operation).readRestoreLog(sessionId, (line) => {
      steps.see(line);
    });
    if (steps.count === 0) return isWhole ? this.later(sentAt, silent) : tooLong;
    // Lines of then, by a clock that may be ahead of ours, and by one that may be behind.
    if (await this.operations.hasNeighbourInSession(operation, earlier(sentAt, 2 * SKEW_MS))) return notAlone;
    return steps.isRunning ? undefined : done(steps.summary);
  }

  /** Where a restore has a session of its own, which the lost answer would have named. */
  private async inASessionOfItsOwn(
    operation: Operation,
    sentAt: Date,
    browsedId: string,
  ): Promise<Finding | undefined> {
    const candidates = await this.candidates(operation, sentAt, browsedId);
    if (candidates.length === 0) return this.later(sentAt, silent);
    if (candidates.length > MOST_CANDIDATES) return this.later(sentAt, notAlone);
    const client = this.servers.of(operation);
    const restores = [];
    for (const { id } of candidates) {
      const looked = await client.followRestore(id);
      if (looked.state !== 'unknown' && hasRestored(looked.progress)) restores.push(looked);
    }
    const [restore, ...others] = restores;
    // A restore that has just begun has logged nothing yet, and one that finds nothing to do never does.
    if (restore === undefined) return this.later(sentAt, nothingLogged);
    // What else is sent by then may begin within the same minutes, and be told apart once it has its answer.
    const [from, to] = [earlier(sentAt, LATE_MS + SKEW_MS), new Date(sentAt.getTime() + LATE_MS + SKEW_MS)];
    const isAlone = others.length === 0 && !(await this.operations.hasNeighbourOnServer(operation, from, to));
    if (!isAlone) return this.later(sentAt, notAlone);
    if (restore.state === 'running') return undefined;
    return doneIn(restore);
  }

  /** Sessions that began then, of the same organization as far as upstream says it, and of which the gateway knows nothing. */
  private async candidates(operation: Operation, sentAt: Date, browsedId: string): Promise<UpstreamRestoreSession[]> {
    const client = this.servers.of(operation);
    const since = earlier(sentAt, SKEW_MS).toISOString();
    const begun = (await client.restoreSessionsSince(since)).filter(
      ({ createdAt }) => Date.parse(createdAt) <= sentAt.getTime() + LATE_MS + SKEW_MS,
    );
    const ids = begun.map(({ id }) => id);
    const known = await this.sessions.listKnownUpstream(operation.backupServer, ids);
    const unknown = begun.filter(({ id }) => !known.includes(id));
    // By upstream's own word for it in the session that was browsed.
    const organization = unknown.length > 0 ? await client.getRestoreSession(browsedId) : undefined;
    return unknown.filter(
      ({ organizationName: name }) =>
        name === undefined || organization?.organizationName === undefined || name === organization.organizationName,
    );
  }

  /** What is believed once upstream can no longer begin with it. */
  private later(sentAt: Date, finding: Finding): Finding | undefined {
    return this.clock.now() >= sentAt.getTime() + LATE_MS + SKEW_MS ? finding : undefined;
  }
}

const nothingSent: Finding = { finding: 'not-done', detail: 'Nothing of it was sent.' };
const silent: Finding = { finding: 'not-done', detail: 'The backup server logged nothing of it.' };
const notAlone: Finding = unknown(
  'Other operations of the same time left traces that cannot be told apart from its own.',
);
const tooLong: Finding = unknown('The log of the backup server is too long to be read to its end.');
const forgotten: Finding = unknown('The backup server no longer knows the operation.');
const nothingLogged: Finding = unknown('A session began at that time in which the backup server logged no restore.');

function unknown(detail: string): Finding {
  return { finding: 'unknown', detail };
}

function sentByAnother(version: string | undefined): Finding {
  return unknown(`It was sent by API ${version}; by the API version of now, no traces of it can be found.`);
}

function done(how: string): Finding {
  return { finding: 'done', detail: `The backup server logged ${how}.` };
}

/** In a session of its own. */
function doneIn({ outcome }: Extract<FollowedRestore, { state: 'stopped' }>): Finding {
  return done(`a session of its own, which ended with ${outcome?.result ?? 'success'}`);
}

function earlier(time: Date, byMs: number): Date {
  return new Date(time.getTime() - byMs);
}

/** Sessions for browsing are listed with those of restores, and nothing but their traces tells them apart. */
function hasRestored({ counts, events }: RestoreProgress): boolean {
  return (counts !== undefined && counts.total > 0) || events.some(({ kind }) => kind === 'restore');
}
