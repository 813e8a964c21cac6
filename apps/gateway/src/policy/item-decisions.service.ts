import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { type OneDriveResource, type PolicyDecision, PolicySource } from '@app/policy';
import type { DomainError } from '@app/problems';
import type { ActionItem } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { Reasoned } from '../actions/action-request.js';
import { CLOCK } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied } from './denials.js';
import { ItemLookup, noTarget, notFound } from './item-lookup.service.js';
import {
  type About,
  type AskedCopy,
  type AskedOfItem,
  circumstances,
  copyQuestion,
  type ItemPlace,
  itemQuestion,
} from './item-question.js';
import { OwnershipService } from './ownership.service.js';
import type { PermittedAction } from './permitted-action.js';
import { ReasonRules } from './reason-rules.service.js';

/** A no, on its way to the record and from there to the caller. */
export class Denial extends Error {
  constructor(
    readonly decision: Pick<PolicyDecision, 'allowed' | 'policies'>,
    /** All that the caller is told. */
    readonly answer: DomainError,
  ) {
    super('denied');
  }
}

/** What the policy says of whole listings. */
export interface Listing {
  /** On the organization as a whole. */
  readonly ofAll: PolicyDecision;
  /** Of the caller's own OneDrives, those that may be listed though not all of them may be. */
  readonly own: () => readonly (PolicyDecision & { readonly id: string })[];
  /** On a OneDrive; asks nothing of upstream. */
  readonly of: (oneDriveId: string) => PolicyDecision;
}

/**
 * What the policy says of the items of restore sessions, and what is there. It records nothing: a no is thrown as a `Denial`, with what
 * belongs on record and what the caller may be told. What is the caller's own is looked up each time.
 */
@Injectable()
export class ItemDecisions {
  constructor(
    private readonly ownership: OwnershipService,
    private readonly lookup: ItemLookup,
    private readonly reasonRules: ReasonRules,
    private readonly policy: PolicySource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async listing(principal: Principal, place: ItemPlace): Promise<Listing> {
    const ownOneDrives = await this.ownIds(principal, place);
    const decide = (resource: OneDriveResource | { type: 'Organization'; name: string }) =>
      this.browsing(principal, ownOneDrives, place, resource);
    const of = (id: string) => decide(toResource(place, id));
    const own = () => ownOneDrives.map((id) => ({ id, ...of(id) })).filter(({ allowed }) => allowed);
    return { ofAll: decide({ type: 'Organization', name: place.organizationName }), own, of };
  }

  /** On every OneDrive of an organization that there is, whoever asks. */
  ofOrganization(principal: Principal, place: ItemPlace): PolicyDecision {
    return this.browsing(principal, [], place, { type: 'Organization', name: place.organizationName });
  }

  /** What every question about an item begins with. */
  async about(principal: Principal, place: ItemPlace, item: ActionItem): Promise<About> {
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
  async decided(session: RestoreSession, about: About, asked: AskedOfItem): Promise<PermittedAction> {
    const { policies } = this.permitted(about, asked);
    const { item, ownOneDrives } = about;
    const found = await this.lookup.inBackup(session, item);
    return { ...found, item, isOwn: ownOneDrives.includes(found.oneDrive.id), policies };
  }

  /** @throws Denial, NotFoundError */
  async decidedByIds(about: About, asked: AskedOfItem | AskedCopy): Promise<PolicyDecision> {
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

  /** @throws Denial, NotFoundError */
  async copyDecision(session: RestoreSession, about: About, asked: AskedCopy) {
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

  private browsing(
    principal: Principal,
    ownOneDrives: readonly string[],
    place: ItemPlace,
    resource: OneDriveResource | { type: 'Organization'; name: string },
  ): PolicyDecision {
    const sort = { kind: 'onedrive' } as const;
    const context = circumstances({ place, time: this.now(), reasonRules: this.reasonRules, sort });
    return this.policy.engine.decide({ principal, ownOneDrives, action: 'browse', resource, context });
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

/** To look at it, for the same purpose. */
export function toBrowse({ reason, onBehalfOf }: Reasoned): AskedOfItem {
  return { action: 'browse', reason, onBehalfOf };
}

function toResource({ organizationName: organization }: ItemPlace, id: string): OneDriveResource {
  return { type: 'OneDrive', id, organization };
}
