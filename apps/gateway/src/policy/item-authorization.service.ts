import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { type OneDriveResource, type PolicyDecision, PolicySource } from '@app/policy';
import { type DomainError, NotFoundError } from '@app/problems';
import type { ActionItem } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { Reasoned } from '../actions/action-request.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { aboutSession, type DecidedThing } from '../audit/record-parts.js';
import { CLOCK } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied, deniedAtAll, nothingPermits } from './denials.js';
import { type FoundItem, ItemLookup, noTarget, notFound } from './item-lookup.service.js';
import {
  type About,
  type AskedCopy,
  type AskedOfItem,
  circumstances,
  copyQuestion,
  type ItemPlace,
  itemQuestion,
  type ItemSort,
  purposeOf,
} from './item-question.js';
import { OwnershipService } from './ownership.service.js';
import type { PermittedAction, PermittedCopy } from './permitted-action.js';
import { ReasonRules } from './reason-rules.service.js';

/** What a caller may list of a session: the organization as a whole, or some of the own OneDrives. */
export type Browsable =
  | {
      readonly isWhole: true;
      /** Whether a policy keeps none of what lies in a OneDrive back all the same; decided without asking upstream. */
      readonly mayLookInto: (oneDriveId: string) => boolean;
    }
  | { readonly isWhole: false; readonly oneDriveIds: readonly string[] };

/**
 * Second stage of authorization of what is in restore sessions: may this caller do this to this OneDrive, folder, document or version?
 * The policy decides on the OneDrive; that the item lies in it is proven afterwards, by the backup. It reads upstream's catalog only, and
 * only after the first stage said yes.
 *
 * What is the caller's own is looked up each time. Methods that return items return them as the backup has them, and throw NotFoundError
 * when the caller may not browse them or there is none, ForbiddenError when the caller may browse them but not do this. Either is put on
 * record before it is thrown, and what cannot be recorded fails with StoreUnavailableError.
 */
@Injectable()
export class ItemAuthorization {
  constructor(
    private readonly ownership: OwnershipService,
    private readonly lookup: ItemLookup,
    private readonly reasonRules: ReasonRules,
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What of a session the caller may list. */
  async browsable(principal: Principal, place: ItemPlace): Promise<Browsable> {
    const ownOneDrives = await this.ownIds(principal, place);
    const decide = (resource: OneDriveResource | { type: 'Organization'; name: string }) =>
      this.policy.engine.decide({
        principal,
        ownOneDrives,
        action: 'browse',
        resource,
        context: circumstances({
          place,
          time: this.now(),
          reasonRules: this.reasonRules,
          sort: { kind: 'onedrive' },
        }),
      });
    const ofAll = decide({ type: 'Organization', name: place.organizationName });
    if (ofAll.allowed) {
      await this.recordBrowsing(principal, place, ofAll);
      return { isWhole: true, mayLookInto: (id) => decide(toResource(place, id)).allowed };
    }
    const own = ownOneDrives.map((id) => ({ id, ...decide(toResource(place, id)) })).filter(({ allowed }) => allowed);
    const policies = [...new Set(own.flatMap((decision) => decision.policies))].sort();
    await this.recordBrowsing(principal, place, own.length > 0 ? { allowed: true, policies } : ofAll);
    return { isWhole: false, oneDriveIds: own.map(({ id }) => id) };
  }

  async browse(principal: Principal, session: RestoreSession, item: ActionItem): Promise<FoundItem> {
    const found = await this.act(principal, session, item, { action: 'browse' });
    await this.recordBrowsing(principal, session, { allowed: true, policies: found.policies }, item);
    return found;
  }

  async act(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    asked: AskedOfItem,
  ): Promise<PermittedAction> {
    await this.mustEver(principal, asked, session, item);
    const about = await this.about(principal, session, item);
    return this.recordingRefusal(about, asked, () => this.decided(session, about, asked));
  }

  /**
   * @throws NotFoundError when there is not exactly one target, or the caller may neither copy to it nor browse it
   */
  async copy(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    asked: AskedCopy,
  ): Promise<PermittedCopy> {
    await this.mustEver(principal, asked, session, item);
    const about = await this.about(principal, session, item);
    return this.recordingRefusal(about, asked, async () => {
      const { decision, ...permitted } = await this.copyDecision(session, about, asked);
      if (!decision.allowed) {
        throw new Denial(decision, denied(decision));
      }
      return { ...permitted, policies: decision.policies };
    });
  }

  /**
   * The same decisions by ids alone, where the backup is not read: a restore session may be over by now, or is opened only if this says
   * yes.
   * @param sorts what the item may turn out to be: it is enough that the policy permits it for one of them
   * @throws NotFoundError and ForbiddenError as `act` and `copy`
   */
  async byIds(
    principal: Principal,
    place: ItemPlace,
    item: ActionItem,
    asked: AskedOfItem | AskedCopy,
    sorts: readonly ItemSort[] = [item],
  ): Promise<PolicyDecision> {
    await this.mustEver(principal, asked, place, item);
    const about = await this.about(principal, place, item);
    return this.recordingRefusal(about, asked, async () => {
      const denials: Denial[] = [];
      for (const sort of sorts) {
        try {
          return await this.decidedByIds({ ...about, sort }, asked);
        } catch (error) {
          if (!(error instanceof Denial)) throw error;
          denials.push(error);
        }
      }
      throw denials[0] ?? notFound(item);
    });
  }

  /**
   * Whether the caller may browse every OneDrive of an organization there is, as far as no policy speaks of a single one.
   * @throws ForbiddenError for a caller who never may do what is asked
   */
  async mayBrowseAll(principal: Principal, place: ItemPlace, asked: AskedOfItem | AskedCopy): Promise<boolean> {
    await this.mustEver(principal, asked, place);
    const { allowed } = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'browse',
      resource: { type: 'Organization', name: place.organizationName },
      context: circumstances({ place, time: this.now(), reasonRules: this.reasonRules, sort: { kind: 'onedrive' } }),
    });
    return allowed;
  }

  /**
   * Looks for what a request names by other words than its id.
   * @throws NotFoundError as `look` does, once that is on record
   */
  async look<T>(
    principal: Principal,
    place: ItemPlace,
    asked: AskedOfItem | AskedCopy,
    look: () => Promise<T>,
  ): Promise<T> {
    return this.recordingRefusal({ principal, place, item: undefined }, asked, look);
  }

  /**
   * The same within a OneDrive, which is first proven to be there by exactly the id that was decided on: a server that reads ids in any
   * case would otherwise show what the policy knows by another name.
   */
  async lookInto<T>(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    asked: AskedOfItem | AskedCopy,
    look: () => Promise<T>,
  ): Promise<T> {
    return this.recordingRefusal({ principal, place: session, item }, asked, async () => {
      await this.lookup.inBackup(session, item);
      return look();
    });
  }

  /**
   * The decision on what could be asked for, without doing it. Who never may do it is told so before anything is looked up, as by `act`.
   * @throws NotFoundError for what the caller may not browse, as if there were none
   */
  async explain(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    asked: AskedOfItem | AskedCopy,
  ): Promise<PolicyDecision> {
    const ever = this.policy.engine.firstStage(principal, asked.action);
    if (!ever.allowed) {
      return { ...ever, errors: [] };
    }
    const about = await this.about(principal, session, item);
    try {
      if (asked.action === 'copy') {
        return (await this.copyDecision(session, about, asked)).decision;
      }
      await this.decided(session, about, toBrowse(asked));
      return this.policy.engine.decide(itemQuestion(about, asked));
    } catch (error) {
      throw error instanceof Denial ? error.answer : error;
    }
  }

  /** A caller who never may is told so before anything is looked up. */
  private async mustEver(
    principal: Principal,
    asked: AskedOfItem | AskedCopy,
    place: ItemPlace,
    item?: ActionItem,
  ): Promise<void> {
    const decision = this.policy.engine.firstStage(principal, asked.action);
    if (!decision.allowed) {
      await this.trail.decided(principal, asked.action, decision, recorded(place, item, asked));
      throw deniedAtAll(decision);
    }
  }

  /** What is looked at: once for each listing, and not for each of what it shows. */
  private async recordBrowsing(
    principal: Principal,
    place: ItemPlace,
    decision: Pick<PolicyDecision, 'allowed' | 'policies'>,
    item?: ActionItem,
  ): Promise<void> {
    await this.trail.decided(principal, 'browse', decision, recorded(place, item));
  }

  /** What every question about an item begins with. */
  private async about(principal: Principal, place: ItemPlace, item: ActionItem): Promise<About> {
    const ownOneDrives = await this.ownIds(principal, place);
    const resource = toResource(place, item.oneDriveId);
    return {
      principal,
      ownOneDrives,
      place,
      item,
      sort: item,
      resource,
      time: this.now(),
      reasonRules: this.reasonRules,
    };
  }

  /** @throws Denial, NotFoundError */
  private async decided(session: RestoreSession, about: About, asked: AskedOfItem): Promise<PermittedAction> {
    const { policies } = this.permitted(about, asked);
    const { item, ownOneDrives } = about;
    const found = await this.lookup.inBackup(session, item);
    return { ...found, item, isOwn: ownOneDrives.includes(found.oneDrive.id), policies };
  }

  /** @throws Denial, NotFoundError */
  private async decidedByIds(about: About, asked: AskedOfItem | AskedCopy): Promise<PolicyDecision> {
    if (asked.action !== 'copy') {
      return this.permitted(about, asked);
    }
    this.permitted(about, toBrowse(asked));
    const { target } = asked;
    const { id } =
      'oneDriveId' in target ? { id: target.oneDriveId } : await this.lookup.targetByUser(about.place, target);
    const decision = this.copyInto(about, asked, id);
    if (!decision.allowed) {
      throw new Denial(decision, denied(decision));
    }
    return decision;
  }

  /** @throws Denial */
  private permitted(about: About, asked: AskedOfItem): PolicyDecision {
    const decision = this.policy.engine.decide(itemQuestion(about, asked));
    if (!decision.allowed) {
      throw new Denial(decision, this.mayBrowse(about, asked) ? denied(decision) : notFound(about.item));
    }
    return decision;
  }

  /** What there is not is on record too, whoever may browse it: ids that are tried out show. */
  private async recordingRefusal<T>(
    { principal, place, item }: Pick<About, 'principal' | 'place'> & { readonly item: ActionItem | undefined },
    asked: AskedOfItem | AskedCopy,
    decide: () => Promise<T>,
  ): Promise<T> {
    try {
      return await decide();
    } catch (error) {
      const denial = error instanceof NotFoundError ? new Denial(nothingPermits, error) : error;
      if (!(denial instanceof Denial)) throw error;
      await this.trail.decided(principal, asked.action, denial.decision, recorded(place, item, asked));
      throw denial.answer;
    }
  }

  private async copyDecision(session: RestoreSession, about: About, asked: AskedCopy) {
    // Before the target is looked for, so that the answer tells nothing of it to who may not even see the source.
    const permitted = await this.decided(session, about, toBrowse(asked));
    const target = await this.lookup.copyTarget(session, asked.target);
    const decision = this.copyInto(about, asked, target.id);
    return { ...permitted, decision, target, isTargetOwn: about.ownOneDrives.includes(target.id) };
  }

  /** @throws Denial where the target does not exist for the caller */
  private copyInto(about: About, asked: AskedCopy, targetId: string): PolicyDecision {
    const into = toResource(about.place, targetId);
    const decision = this.policy.engine.decide(copyQuestion(about, asked, into));
    const target: About = { ...about, resource: into, sort: { kind: 'onedrive' } };
    if (!decision.allowed && !this.mayBrowse(target, asked)) {
      throw new Denial(decision, noTarget(asked.target));
    }
    return decision;
  }

  /** Whether an item exists for the caller, who may then be told what else the policy says of it. */
  private mayBrowse(about: About, asked: Reasoned): boolean {
    return this.policy.engine.decide(itemQuestion(about, toBrowse(asked))).allowed;
  }

  /** A session opened when the issuer still spoke for the organization proves nothing today. */
  private async ownIds(principal: Principal, place: ItemPlace): Promise<readonly string[]> {
    if (!principal.organizations.includes(place.organizationName)) {
      return [];
    }
    const own = await this.ownership.ownOneDrives(principal, place);
    return own.map(({ id }) => id);
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

/** What was decided on, why and for whom. */
function recorded(
  place: ItemPlace,
  item: ActionItem | undefined,
  asked?: Pick<AskedOfItem, 'reason' | 'onBehalfOf' | 'operationId'>,
): DecidedThing {
  return { ...aboutSession(place), operationId: asked?.operationId, item, ...purposeOf(place, asked) };
}

/** To look at it, for the same purpose. */
function toBrowse({ reason, onBehalfOf }: Reasoned): AskedOfItem {
  return { action: 'browse', reason, onBehalfOf };
}

/** A no, on its way to the record and from there to the caller. */
class Denial extends Error {
  constructor(
    readonly decision: Pick<PolicyDecision, 'allowed' | 'policies'>,
    /** All that the caller is told. */
    readonly answer: DomainError,
  ) {
    super('denied');
  }
}

function toResource({ organizationName: organization }: ItemPlace, id: string): OneDriveResource {
  return { type: 'OneDrive', id, organization };
}
