import type { Principal } from '@app/identity';
import { type PolicyDecision, PolicySource } from '@app/policy';
import { NotFoundError } from '@app/problems';
import type { ActionItem } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied, deniedAtAll, nothingPermits } from './denials.js';
import { Denial, ItemDecisions, toBrowse } from './item-decisions.service.js';
import { type FoundItem, ItemLookup, notFound } from './item-lookup.service.js';
import {
  type About,
  type AskedCopy,
  type AskedOfItem,
  decidedOn,
  type ItemPlace,
  itemQuestion,
  type ItemSort,
} from './item-question.js';
import type { PermittedAction, PermittedCopy } from './permitted-action.js';

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
    private readonly decisions: ItemDecisions,
    private readonly lookup: ItemLookup,
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
  ) {}

  /** What of a session the caller may list. */
  async browsable(principal: Principal, place: ItemPlace): Promise<Browsable> {
    const { ofAll, own: decideOwn, of } = await this.decisions.listing(principal, place);
    if (ofAll.allowed) {
      await this.recordBrowsing(principal, place, ofAll);
      return { isWhole: true, mayLookInto: (id) => of(id).allowed };
    }
    const own = decideOwn();
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
    const about = await this.decisions.about(principal, session, item);
    return this.recordingRefusal(about, asked, () => this.decisions.decided(session, about, asked));
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
    const about = await this.decisions.about(principal, session, item);
    return this.recordingRefusal(about, asked, async () => {
      const { decision, ...permitted } = await this.decisions.copyDecision(session, about, asked);
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
    const about = await this.decisions.about(principal, place, item);
    return this.recordingRefusal(about, asked, async () => {
      const denials: Denial[] = [];
      for (const sort of sorts) {
        try {
          return await this.decisions.decidedByIds({ ...about, sort }, asked);
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
    return this.decisions.ofOrganization(principal, place).allowed;
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
    const about = await this.decisions.about(principal, session, item);
    try {
      if (asked.action === 'copy') {
        return (await this.decisions.copyDecision(session, about, asked)).decision;
      }
      await this.decisions.decided(session, about, toBrowse(asked));
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
      await this.trail.decided(principal, asked.action, decision, decidedOn(place, item, asked));
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
    await this.trail.decided(principal, 'browse', decision, decidedOn(place, item));
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
      await this.trail.decided(principal, asked.action, denial.decision, decidedOn(place, item, asked));
      throw denial.answer;
    }
  }
}
