import { randomUUID } from 'node:crypto';
import type { BackupFiles } from './backup-files.js';
import type { RestoreStatistics } from './item-restore.js';
import type { ItemTree } from './item-tree.js';
import { backupAt, type OneDrive, type Organization } from './organizations.js';

export interface SessionEvent {
  readonly id: string;
  readonly type: 'None' | 'Save' | 'Send' | 'Restore' | 'View';
  status: 'Running' | 'Success' | 'Warning' | 'Failed' | 'Skipped' | 'Cancelled';
  readonly startedAt: Date;
  endedAt: Date | undefined;
  readonly title: string;
  message: string;
  readonly order: number;
  readonly itemName?: string;
  readonly itemType?: string;
  readonly itemSizeBytes?: number;
  readonly target?: string;
}

type NewEvent = Omit<SessionEvent, 'id' | 'startedAt' | 'endedAt' | 'order'>;

export type SessionResult = 'Success' | 'Warning' | 'Failed';

/** What was restored of one OneDrive in a session, so far. */
export interface RestoredOneDrive {
  readonly oneDrive: OneDrive;
  readonly statistics: RestoreStatistics;
  readonly isBulk: boolean;
}

/**
 * A read view of an organization's backup at one moment. Or, from v8 on, one restore on its way: it cannot be looked into, and
 * stops by itself.
 */
export class RestoreSession {
  readonly id = randomUUID();
  readonly createdAt = new Date();
  readonly events: SessionEvent[] = [];
  readonly restored: RestoredOneDrive[] = [];
  /** Says nothing before the session has stopped. */
  result: SessionResult = 'Success';
  /** Why it failed. */
  error: string | undefined;
  /** The backup that is looked at; undefined when the moment was before the first one. */
  readonly backup: Date | undefined;
  private readonly trees = new Map<string, ItemTree>();
  private endedAt: Date | undefined;
  private usedAt = Date.now();
  private running = 0;
  private isToStop = false;
  private looksToStop = 0;

  constructor(
    readonly organization: Organization,
    readonly options: { moment: Date; showDeleted: boolean; showAllVersions: boolean; initiatedBy: string },
    private readonly files: BackupFiles,
    private readonly idleSeconds: () => number,
    readonly kind: 'explore' | 'restore' = 'explore',
  ) {
    this.backup = backupAt(organization, options.moment);
    this.log({ type: 'None', status: 'Success', title: 'Restore session started', message: 'Restore session started' });
  }

  get stoppedAt(): Date | undefined {
    const idleUntil = this.usedAt + this.idleSeconds() * 1000;
    if (!this.endedAt && this.running === 0 && Date.now() >= idleUntil) this.endedAt = new Date(idleUntil);
    return this.endedAt;
  }

  /** Whether it can be looked into. */
  get isOpen(): boolean {
    return this.kind === 'explore' && !this.stoppedAt;
  }

  /** True between the call that stops a restore and its end, which comes before its next document. */
  get isStopping(): boolean {
    return this.isToStop && !this.endedAt;
  }

  /** A restore ends before its next document; a session that resists, some looks later. */
  stop(): void {
    this.isToStop = true;
    if (this.kind === 'explore' && this.looksToStop === 0) this.end();
  }

  /** From now on a stop is taken and has no effect before the session was read so often; ever, if that is infinite. */
  resistStop(looks: number): void {
    this.looksToStop = looks;
  }

  /** Somebody reads the state of the session. */
  look(): void {
    if (!this.isToStop || this.kind === 'restore' || this.looksToStop === 0) return;
    this.looksToStop--;
    if (this.looksToStop === 0) this.end();
  }

  /** A restore ends with its result, in one step. */
  finish(result: SessionResult, error?: string): void {
    this.result = result;
    this.error = error;
    this.end();
  }

  touch(): void {
    this.usedAt = Date.now();
  }

  /** Keeps the session from idling out while something runs in it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const ended = this.begin();
    try {
      return await work();
    } finally {
      ended();
    }
  }

  /** Like `during`, for work whose end is told by calling the result. */
  begin(): () => void {
    this.running++;
    return () => {
      this.running--;
      this.touch();
    };
  }

  get oneDrives(): readonly OneDrive[] {
    return this.backup ? this.organization.oneDrives : [];
  }

  findOneDrive(id: string): OneDrive | undefined {
    return this.oneDrives.find((oneDrive) => oneDrive.id === id.toLowerCase());
  }

  /** Read at first use and kept, so that ids and contents stay put for the life of the session. */
  treeOf(oneDrive: OneDrive): ItemTree {
    const known = this.trees.get(oneDrive.id);
    if (known) return known;
    const tree = this.files.treeOf(oneDrive, this.backup ?? new Date(0), this.options.showDeleted);
    this.trees.set(oneDrive.id, tree);
    return tree;
  }

  private end(): void {
    this.endedAt ??= new Date();
    this.trees.clear();
  }

  log(event: NewEvent, startedAt = new Date()): SessionEvent {
    const endedAt = event.status === 'Running' ? undefined : startedAt;
    const logged = { ...event, id: randomUUID(), startedAt, endedAt, order: this.events.length };
    this.events.push(logged);
    return logged;
  }
}

export class RestoreSessions {
  private readonly sessions = new Map<string, RestoreSession>();
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly files: BackupFiles,
    public idleSeconds: number,
  ) {}

  open(organization: Organization, options: RestoreSession['options']): RestoreSession {
    return this.add(new RestoreSession(organization, options, this.files, () => this.idleSeconds));
  }

  /** A session of its own for a restore out of another one. The work begins by itself, and its end is the session's. */
  start(exploring: RestoreSession, work: (restoring: RestoreSession) => Promise<void>): RestoreSession {
    const { organization, options } = exploring;
    const session = this.add(new RestoreSession(organization, options, this.files, () => this.idleSeconds, 'restore'));
    const ended = session.begin();
    const done = work(session)
      .then(
        () => {
          session.finish(resultOf(session));
        },
        (error: unknown) => {
          session.finish('Failed', error instanceof Error ? error.message : String(error));
        },
      )
      .finally(() => {
        ended();
        this.running.delete(done);
      });
    this.running.add(done);
    return session;
  }

  find(id: string): RestoreSession | undefined {
    return this.sessions.get(id.toLowerCase());
  }

  /** Newest first. */
  all(): RestoreSession[] {
    return [...this.sessions.values()].reverse();
  }

  /** What runs in it goes on. False when there was none. */
  forget(id: string): boolean {
    return this.sessions.delete(id.toLowerCase());
  }

  clear(): void {
    for (const session of this.sessions.values()) session.stop();
    this.sessions.clear();
  }

  /** Resolves when no restore that was started runs any more. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private add(session: RestoreSession): RestoreSession {
    this.sessions.set(session.id, session);
    return session;
  }
}

function resultOf({ restored }: RestoreSession): SessionResult {
  const sum = (of: (statistics: RestoreStatistics) => number): number =>
    restored.reduce((total, { statistics }) => total + of(statistics), 0);
  const failed = sum((statistics) => statistics.failed);
  if (failed === 0) return 'Success';
  return failed === sum(({ total }) => total) ? 'Failed' : 'Warning';
}
