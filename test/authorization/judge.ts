import {
  type Asked,
  type AskedInSession,
  type AskedToAct,
  type AskedToBrowse,
  type AskedToOpen,
  itemIdsOf,
  type ItemAction,
  type OneDriveRef,
  oneDriveIdOf,
  organizationAt,
  type Part,
  type Place,
  type TargetRef,
} from './asked.js';
import { isMalformed, isUnreadable } from './form.js';
import type { Asker, Backup } from './model.js';

/** What must happen upstream when it is permitted, and nothing else may. */
export type Effect =
  | { readonly what: 'open'; readonly organization: string }
  | { readonly what: 'deviceCode' }
  | {
      readonly what: ItemAction['action'];
      readonly oneDriveId: string;
      readonly part?: { readonly kind: Part['kind']; readonly ids: readonly string[] } | undefined;
      readonly targetId?: string | undefined;
    };

export interface Verdict {
  readonly status: number;
  /** How far upstream may be read: the people and their OneDrives, or also what is in the restore session. */
  readonly reads: 'nothing' | 'catalog' | 'session';
  readonly effect?: Effect;
  /** The one decision that must be on the audit trail. */
  readonly record?: { readonly action: string; readonly decision: 'allow' | 'deny' };
  /** The ids, or names, that a list must hold. */
  readonly listed?: readonly string[];
  readonly decision?: 'allow' | 'deny';
}

/** What the policy decides by beside the caller and the thing. */
export interface Surroundings {
  readonly backup: Backup;
  readonly senders: readonly string[];
  readonly recipientDomains: readonly string[];
}

/** What must come of a request, by the design and the default policies. */
export class Judge {
  /** @param login of the person whose token it is */
  constructor(
    private readonly asker: Asker,
    private readonly login: string,
    private readonly surroundings: Surroundings,
  ) {}

  judge(asked: Asked): Verdict {
    if (isUnreadable(asked)) return malformed;
    const refused = this.atTheDoor(asked);
    if (refused) return refused;
    if (isMalformed(asked) || this.isRepetitive(asked)) return malformed;
    switch (asked.what) {
      case 'organizations':
        return { status: 200, reads: 'catalog', listed: this.visible() };
      case 'sessions':
      case 'operations':
        return { status: 200, reads: 'nothing' };
      case 'operation':
        return asked.of === 'caller' ? { status: 200, reads: 'nothing' } : unknown('readOperations');
      case 'cancel':
        // The caller's own has ended.
        return asked.of === 'caller' ? { status: 409, reads: 'nothing' } : unknown('readOperations');
      case 'open':
        return this.open(asked);
      case 'session':
      case 'stop':
      case 'onedrives':
      case 'deviceCode':
      case 'explainDeviceCode':
      case 'browse':
      case 'explainBrowse':
      case 'act':
      case 'explain':
        return this.inSession(asked);
    }
  }

  /** A list of items in which one is named twice. */
  private isRepetitive(asked: Asked): boolean {
    if (!('part' in asked) || asked.part === undefined) return false;
    const ids = this.itemIds(asked);
    return new Set(ids).size < ids.length;
  }

  /** Who may never do such a thing is told so before anything is looked at. */
  private atTheDoor(asked: Asked): Verdict | undefined {
    const operates = this.asker.operatorOf.size > 0;
    const mayEver = this.mayEver('browse');
    const deny = (action: string): Verdict => ({
      status: 403,
      reads: 'nothing',
      record: { action, decision: 'deny' },
    });
    if (asked.what === 'open') return mayEver ? undefined : deny('openRestoreSession');
    if (asked.what === 'browse' || asked.what === 'onedrives') return mayEver ? undefined : deny('browse');
    if (asked.what === 'deviceCode') return operates ? undefined : deny('requestDeviceCode');
    if (asked.what !== 'act') return undefined;
    // Which of the four it is, v5 says in the body, which nobody has read yet.
    if (asked.surface === 'v5') return mayEver ? undefined : deny('restore');
    const { action } = asked.act;
    return this.mayEver(action) ? undefined : deny(action);
  }

  private mayEver(action: ItemAction['action'] | 'browse'): boolean {
    const operates = this.asker.operatorOf.size > 0;
    return operates || (!isForOperators(action) && this.asker.objectId !== undefined);
  }

  private open({ organization }: AskedToOpen): Verdict {
    const action = 'openRestoreSession';
    const visible = this.visible();
    const name = 'at' in organization ? this.nameOf(organization.at) : undefined;
    if (name === undefined || !visible.includes(name)) {
      return { status: visible.length > 0 ? 404 : 403, reads: 'catalog', record: { action, decision: 'deny' } };
    }
    return {
      status: 201,
      reads: 'session',
      effect: { what: 'open', organization: name },
      record: { action, decision: 'allow' },
    };
  }

  private inSession(asked: AskedInSession): Verdict {
    const { session } = asked;
    if (session.of !== 'caller') return unknown('useRestoreSession');
    if (asked.what === 'session') return { status: 200, reads: 'nothing' };
    if (asked.what === 'stop') return { status: asked.surface === 'v1' ? 204 : 200, reads: 'nothing' };
    if (session.state === 'stopped') return { status: 409, reads: 'nothing' };
    const organization = this.nameOf(session.in);
    switch (asked.what) {
      case 'onedrives': {
        const { backup } = this.surroundings;
        const listed = this.operates(organization) ? backup.oneDrives(organization) : this.own(organization);
        const decision = listed.length > 0 ? 'allow' : 'deny';
        return {
          status: 200,
          reads: decision === 'allow' ? 'session' : 'catalog',
          listed,
          record: { action: 'browse', decision },
        };
      }
      case 'deviceCode':
        return this.deviceCode(asked, organization);
      case 'explainDeviceCode':
        return { status: 200, reads: 'nothing', decision: this.operates(organization) ? 'allow' : 'deny' };
      case 'browse':
      case 'explainBrowse':
        return this.browse(asked, organization);
      case 'act':
        return this.act(asked, organization);
      case 'explain':
        return this.explain(asked, organization);
    }
  }

  private deviceCode({ surface }: Asked, organization: string): Verdict {
    const action = 'requestDeviceCode';
    if (!this.operates(organization)) return { status: 403, reads: 'nothing', record: { action, decision: 'deny' } };
    return {
      status: surface === 'v1' ? 201 : 200,
      reads: 'session',
      effect: { what: 'deviceCode' },
      record: { action, decision: 'allow' },
    };
  }

  private browse(asked: AskedToBrowse, organization: string): Verdict {
    const id = this.idOf(asked.oneDrive);
    const isExplained = asked.what === 'explainBrowse';
    if (isExplained && !this.mayEver('browse')) return neverMay;
    if (!this.mayBrowse(organization, id)) return isExplained ? unseen() : unseen('browse');
    if (!this.isThere(organization, asked)) return isExplained ? absent() : absent('browse');
    if (isExplained) return { status: 200, reads: 'session', decision: 'allow' };
    return { status: 200, reads: 'session', record: { action: 'browse', decision: 'allow' } };
  }

  private act(asked: AskedToAct, organization: string): Verdict {
    const { surface, oneDrive, part, act } = asked;
    const { action } = act;
    const deny = { action, decision: 'deny' } as const;
    if (!this.mayEver(action)) return { status: 403, reads: 'nothing', record: deny };
    const id = this.idOf(oneDrive);
    const isThere = this.isThere(organization, asked);
    if (!this.mayBrowse(organization, id)) return unseen(action);
    const targetId = act.action === 'copy' ? this.targetId(act.target, organization) : undefined;
    if (act.action === 'copy' && (!isThere || targetId === undefined)) return absent(action);
    if (!this.isPermitted(act, organization, targetId)) {
      const isHidden = targetId !== undefined && !this.mayBrowse(organization, targetId);
      return { status: isHidden ? 404 : 403, reads: act.action === 'copy' ? 'session' : 'catalog', record: deny };
    }
    if (!isThere) return absent(action);
    const ids = this.itemIds(asked);
    const effect = { what: action, oneDriveId: id, part: part && { kind: part.kind, ids }, targetId };
    const record = { action, decision: 'allow' } as const;
    // Upstream restores nothing to people who have left, which v5 tells by its status.
    const isRefused = this.surroundings.backup.isLeavers(action === 'restore' ? id : targetId);
    return { status: isRefused && surface === 'v5' ? 502 : 200, reads: 'session', effect, record };
  }

  private explain(asked: AskedToAct, organization: string): Verdict {
    const { oneDrive, act } = asked;
    if (!this.mayEver(act.action)) return neverMay;
    const id = this.idOf(oneDrive);
    if (!this.mayBrowse(organization, id)) return unseen();
    if (!this.isThere(organization, asked)) return absent();
    const targetId = act.action === 'copy' ? this.targetId(act.target, organization) : undefined;
    const isPermitted = this.isPermitted(act, organization, targetId);
    if (act.action === 'copy') {
      if (targetId === undefined || (!isPermitted && !this.mayBrowse(organization, targetId))) return absent();
    }
    return { status: 200, reads: 'session', decision: isPermitted ? 'allow' : 'deny' };
  }

  /** Of a OneDrive that the asker may browse. */
  private isPermitted(act: ItemAction, organization: string, targetId: string | undefined): boolean {
    switch (act.action) {
      case 'restore':
      case 'save':
        return true;
      case 'copy':
        return this.operates(organization) && !this.isKeptBack(targetId, organization);
      case 'send':
        return this.operates(organization) && this.mayLeaveFrom(act.from) && this.mayGoTo(act.to);
    }
  }

  /** The OneDrive, in this organization, and all that is asked for of it, in that OneDrive. */
  private isThere(organization: string, asked: AskedToBrowse | AskedToAct): boolean {
    const { backup } = this.surroundings;
    const id = this.idOf(asked.oneDrive);
    const { part } = asked;
    return (
      backup.has(organization, id) &&
      (part === undefined || this.itemIds(asked).every((itemId) => backup.items(id, part.kind).includes(itemId)))
    );
  }

  private itemIds({ oneDrive, part }: Pick<AskedToAct, 'oneDrive' | 'part'>): string[] {
    return part ? itemIdsOf(part, this.idOf(oneDrive), this.login, this.surroundings.backup) : [];
  }

  private mayLeaveFrom(from: string | undefined): boolean {
    const senders = [
      ...this.surroundings.senders,
      ...(this.asker.verifiedEmail === undefined ? [] : [this.asker.verifiedEmail]),
    ];
    return from === undefined || senders.includes(from.toLowerCase());
  }

  private mayGoTo(to: string): boolean {
    return this.surroundings.recipientDomains.some((domain) => to.toLowerCase().endsWith(`@${domain}`));
  }

  private targetId(target: TargetRef, organization: string): string | undefined {
    const { backup } = this.surroundings;
    if (target.of === 'user') return backup.targetOf(organization, target.login);
    const id = this.idOf(target);
    return backup.has(organization, id) ? id : undefined;
  }

  private own(organization: string): readonly string[] {
    return this.surroundings.backup.own(this.asker, organization);
  }

  private visible(): string[] {
    return this.surroundings.backup.names.filter((name) => this.operates(name) || this.own(name).length > 0);
  }

  private mayBrowse(organization: string, oneDriveId: string): boolean {
    const isOperated = this.operates(organization) && !this.isKeptBack(oneDriveId, organization);
    return isOperated || this.own(organization).includes(oneDriveId);
  }

  private isKeptBack(oneDriveId: string | undefined, organization: string): boolean {
    if (oneDriveId === undefined || this.own(organization).includes(oneDriveId)) return false;
    return this.surroundings.backup.keptBack.includes(oneDriveId);
  }

  private operates(organization: string): boolean {
    return this.asker.operatorOf.has(organization);
  }

  private nameOf(place: Place): string {
    return organizationAt(place, this.login, this.surroundings.backup);
  }

  private idOf(ref: OneDriveRef): string {
    return oneDriveIdOf(ref, this.login, this.surroundings.backup);
  }
}

function isForOperators(action: ItemAction['action'] | 'browse'): boolean {
  return action === 'copy' || action === 'send';
}

/** What is explained to who never may: nothing is looked up for it. */
const neverMay: Verdict = { status: 200, reads: 'nothing', decision: 'deny' };

const malformed: Verdict = { status: 400, reads: 'nothing' };

/** Somebody else's, or nobody's. */
function unknown(action: string): Verdict {
  return { status: 404, reads: 'nothing', record: { action, decision: 'deny' } };
}

/** Not to be told from what there is not. */
function unseen(action?: string): Verdict {
  return { status: 404, reads: 'catalog', ...(action !== undefined && { record: { action, decision: 'deny' } }) };
}

/** The policy permits it, but there is no such thing. */
function absent(action?: string): Verdict {
  return { ...unseen(action), reads: 'session' };
}
