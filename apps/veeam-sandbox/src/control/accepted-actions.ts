import type { RestoreCredentials } from '../world/microsoft-365.js';

/** The credentials of a restore or copy, with the values that arrived. */
export type CredentialsUsed = RestoreCredentials;

/** A restore, copy, send or save that passed every check and was begun. */
export interface AcceptedAction {
  /** Of the received request. */
  readonly requestId: number;
  readonly time: string;
  readonly version: string;
  readonly action: 'restore' | 'copy' | 'send' | 'save';
  readonly organizationId: string;
  readonly sessionId: string;
  /** Undefined for a restore of several OneDrives. */
  readonly oneDriveId: string | undefined;
  readonly owner: string | undefined;
  /** Paths of the chosen items; empty for a whole OneDrive. */
  readonly items: readonly string[];
  readonly credentials: CredentialsUsed | undefined;
  /** The action's other members as understood. */
  readonly options: Readonly<Record<string, unknown>>;
  state: 'running' | 'finished' | 'failed';
  /** From v8 on, the session in which the restore or copy runs. */
  restoreSessionId?: string;
}

/** How often one action on one item was accepted. */
export interface ActionCount extends Pick<AcceptedAction, 'action' | 'oneDriveId' | 'owner' | 'items'> {
  readonly count: number;
}

export type NewAction = Omit<AcceptedAction, 'requestId' | 'time' | 'version' | 'state' | 'restoreSessionId'>;

export class AcceptedActions {
  private actions: AcceptedAction[] = [];

  add(action: NewAction, requestId: number, version: string): AcceptedAction {
    const accepted: AcceptedAction = {
      requestId,
      time: new Date().toISOString(),
      version,
      ...action,
      state: 'running',
    };
    this.actions.push(accepted);
    return accepted;
  }

  all(): readonly AcceptedAction[] {
    return this.actions;
  }

  /** In the order of their first acceptance. */
  counts(): ActionCount[] {
    const counted = new Map<string, ActionCount>();
    for (const { action, oneDriveId, owner, items } of this.actions) {
      const key = JSON.stringify([action, oneDriveId, items]);
      const count = (counted.get(key)?.count ?? 0) + 1;
      counted.set(key, { action, oneDriveId, owner, items, count });
    }
    return [...counted.values()];
  }

  clear(): void {
    this.actions = [];
  }
}
