import type { OutcomeFault } from '../world/item-restore.js';

/**
 * Where in the life of a request something happens: when it arrived and nothing was looked at; when an action was accepted and
 * has not begun its work; before each document of a restore or copy; when the answer is ready and its first byte has not gone out.
 * A restore or copy of v8 is answered before its work: `running` and `item` then hold the work, `done` the answer.
 */
export type HoldStage = 'received' | 'running' | 'item' | 'done';

/** Every given member must fit; text is searched for without regard to case. */
export interface FaultMatch {
  readonly method?: string;
  /** Part of the path as sent. */
  readonly path?: string;
  /** Part of the route's pattern, such as `OneDrives/{oneDriveId}/Action` or `token`. */
  readonly route?: string;
  /** `restore`, `copy`, `send`, `save`, `search`, `explore` or `stop`. */
  readonly action?: string;
  /** `v5` ... */
  readonly version?: string;
}

export type Fault =
  /** Answers at once, doing nothing. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection stays open, without an answer. */
  | { readonly kind: 'never-answer'; readonly stage?: HoldStage }
  /** The connection is closed without an answer. */
  | { readonly kind: 'close'; readonly stage?: HoldStage }
  | { readonly kind: 'delay'; readonly milliseconds: number; readonly stage?: HoldStage }
  /** The connection breaks after this many bytes of the body; chunked leaves the Content-Length out. */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly chunked?: boolean }
  /** Content-Length is wrong by this much; when positive the connection is closed after the body, which is then too short. */
  | { readonly kind: 'wrong-length'; readonly difference: number }
  /** The body comes gzip-encoded, asked for or not. */
  | { readonly kind: 'gzip' }
  /** A restore or copy that did not do all: documents that fail, nothing restored, broken off, or an answer without a body. */
  | ({ readonly kind: 'outcome'; readonly emptyBody?: boolean } & OutcomeFault);

export interface FaultRule {
  readonly match?: FaultMatch;
  readonly fault: Fault;
  /** For this many matching requests; default 1. */
  readonly times?: number;
}

export interface Hold {
  readonly id: number;
  /** How many requests wait in it now. */
  readonly waiting: number;
  /** Resolves when the first request has arrived at the barrier. */
  readonly reached: Promise<void>;
  /** Resolves when this many requests have arrived. */
  reachedBy(count: number): Promise<void>;
  /** Lets so many go on, those that wait or the next to come, and holds on to the others. */
  step(count?: number): void;
  /** Lets everything go on; later requests pass. */
  release(): void;
}

export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly route: string | undefined;
  readonly action: string | undefined;
  readonly version: string | undefined;
}

/** Thrown where a request is to end without an answer. */
export class NoAnswer extends Error {
  constructor(readonly how: 'never' | 'close') {
    super('no answer');
  }
}

interface ActiveRule {
  readonly id: number;
  readonly rule: FaultRule;
  left: number;
}

class Barrier implements Hold {
  readonly reached: Promise<void>;
  private arrived = 0;
  private passes = 0;
  private isOpen = false;
  private watchers: { count: number; resolve: () => void }[] = [];
  private queue: (() => void)[] = [];

  constructor(
    readonly id: number,
    readonly match: FaultMatch,
    readonly stage: HoldStage,
    private readonly forget: (barrier: Barrier) => void,
  ) {
    this.reached = this.reachedBy(1);
  }

  get waiting(): number {
    return this.queue.length;
  }

  reachedBy(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.arrived >= count) resolve();
      else this.watchers.push({ count, resolve });
    });
  }

  async pass(): Promise<void> {
    this.arrived++;
    for (const { count, resolve } of this.watchers) if (this.arrived >= count) resolve();
    if (this.isOpen) return;
    if (this.passes > 0) this.passes--;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
  }

  step(count = 1): void {
    const released = this.queue.splice(0, count);
    this.passes += count - released.length;
    for (const resolve of released) resolve();
  }

  release(): void {
    this.forget(this);
    this.isOpen = true;
    for (const resolve of this.queue.splice(0)) resolve();
  }
}

/** The faults that wait for their requests. */
export class Faults {
  private rules: ActiveRule[] = [];
  private barriers: Barrier[] = [];
  private lastId = 0;

  add(rule: FaultRule): number {
    const id = ++this.lastId;
    this.rules.push({ id, rule, left: rule.times ?? 1 });
    return id;
  }

  list(): { id: number; left: number; rule: FaultRule }[] {
    return this.rules.map(({ id, left, rule }) => ({ id, left, rule }));
  }

  remove(id: number): void {
    this.rules = this.rules.filter((rule) => rule.id !== id);
  }

  hold(match: FaultMatch, stage: HoldStage): Hold {
    const barrier = new Barrier(++this.lastId, match, stage, (done) => {
      this.barriers = this.barriers.filter((other) => other !== done);
    });
    this.barriers.push(barrier);
    return barrier;
  }

  holds(): readonly (Hold & { match: FaultMatch; stage: HoldStage })[] {
    return this.barriers;
  }

  /** Forgets every rule and lets go whatever is held. */
  clear(): void {
    this.rules = [];
    for (const barrier of this.barriers) barrier.release();
  }

  /** The faults this request meets; a rule's count goes down by it. */
  of(request: RequestFacts): RequestFaults {
    const met = this.rules.filter(({ rule }) => fits(rule.match ?? {}, request));
    for (const rule of met) rule.left--;
    this.rules = this.rules.filter(({ left }) => left > 0);
    return new RequestFaults(
      met.map(({ rule }) => rule.fault),
      (stage) => this.barriers.filter((barrier) => barrier.stage === stage && fits(barrier.match, request)),
    );
  }
}

export class RequestFaults {
  constructor(
    private readonly faults: readonly Fault[],
    private readonly barriersAt: (stage: HoldStage) => readonly Barrier[],
  ) {}

  /** Waits, or throws `NoAnswer`, as asked for at this stage. */
  async reach(stage: HoldStage): Promise<void> {
    await this.pass(stage);
    this.breakOff(stage);
  }

  /** Waits as asked for at this stage. */
  async pass(stage: HoldStage): Promise<void> {
    for (const fault of this.faults) {
      if (fault.kind === 'delay' && (fault.stage ?? 'done') === stage) {
        await new Promise((resolve) => setTimeout(resolve, fault.milliseconds).unref());
      }
    }
    for (const barrier of this.barriersAt(stage)) await barrier.pass();
  }

  /** Throws `NoAnswer` if asked for at this stage. */
  breakOff(stage: HoldStage): void {
    for (const fault of this.faults) {
      if (fault.kind === 'never-answer' && (fault.stage ?? 'received') === stage) throw new NoAnswer('never');
      if (fault.kind === 'close' && (fault.stage ?? 'received') === stage) throw new NoAnswer('close');
    }
  }

  get<K extends Fault['kind']>(kind: K): Extract<Fault, { kind: K }> | undefined {
    return this.faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
  }
}

function fits(match: FaultMatch, request: RequestFacts): boolean {
  const equals = (wanted: string | undefined, actual: string | undefined): boolean =>
    wanted === undefined || wanted.toLowerCase() === actual?.toLowerCase();
  const contains = (wanted: string | undefined, actual: string | undefined): boolean =>
    wanted === undefined || (actual?.toLowerCase().includes(wanted.toLowerCase()) ?? false);
  return (
    equals(match.method, request.method) &&
    contains(match.path, request.path) &&
    contains(match.route, request.route) &&
    equals(match.action, request.action) &&
    equals(match.version, request.version)
  );
}
