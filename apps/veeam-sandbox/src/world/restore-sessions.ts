import { randomUUID } from 'node:crypto';
import type { BackupFiles } from './backup-files.js';
import type { ItemTree } from './item-tree.js';
import { backupAt, type OneDrive, type Organization } from './organizations.js';

export interface SessionEvent {
  readonly id: string;
  readonly type: 'None' | 'Save' | 'Send' | 'Restore' | 'View';
  status: 'Running' | 'Success' | 'Warning' | 'Failed' | 'Skipped';
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

/** A read view of an organization's backup at one moment. */
export class RestoreSession {
  readonly id = randomUUID();
  readonly createdAt = new Date();
  readonly events: SessionEvent[] = [];
  /** The backup that is looked at; undefined when the moment was before the first one. */
  readonly backup: Date | undefined;
  private readonly trees = new Map<string, ItemTree>();
  private endedAt: Date | undefined;
  private usedAt = Date.now();
  private running = 0;

  constructor(
    readonly organization: Organization,
    readonly options: { moment: Date; showDeleted: boolean; showAllVersions: boolean; initiatedBy: string },
    private readonly files: BackupFiles,
    private readonly idleSeconds: () => number,
  ) {
    this.backup = backupAt(organization, options.moment);
    this.log({ type: 'None', status: 'Success', title: 'Restore session started', message: 'Restore session started' });
  }

  get stoppedAt(): Date | undefined {
    const idleUntil = this.usedAt + this.idleSeconds() * 1000;
    if (!this.endedAt && this.running === 0 && Date.now() >= idleUntil) this.endedAt = new Date(idleUntil);
    return this.endedAt;
  }

  stop(): void {
    this.endedAt ??= new Date();
    this.trees.clear();
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

  log(event: NewEvent): SessionEvent {
    const now = new Date();
    const endedAt = event.status === 'Running' ? undefined : now;
    const logged = { ...event, id: randomUUID(), startedAt: now, endedAt, order: this.events.length };
    this.events.push(logged);
    return logged;
  }
}

export class RestoreSessions {
  private readonly sessions = new Map<string, RestoreSession>();

  constructor(
    private readonly files: BackupFiles,
    public idleSeconds: number,
  ) {}

  open(organization: Organization, options: RestoreSession['options']): RestoreSession {
    const session = new RestoreSession(organization, options, this.files, () => this.idleSeconds);
    this.sessions.set(session.id, session);
    return session;
  }

  find(id: string): RestoreSession | undefined {
    return this.sessions.get(id.toLowerCase());
  }

  /** Newest first. */
  all(): RestoreSession[] {
    return [...this.sessions.values()].reverse();
  }

  clear(): void {
    this.sessions.clear();
  }
}
