import { nameOf, type AnswerBody, type Contract, type Operation } from './answer-check.js';
import { chosen, resolve, type Schema, type Schemas } from './json-schema.js';

export interface Comparison {
  /** Where ours allows what theirs does not, or names what theirs does not know; one line each. */
  readonly contradictions: string[];
  readonly operations: number;
  readonly members: number;
  /** What theirs has and ours has not, in the order of the alphabet. */
  readonly leftOut: { readonly operations: readonly string[]; readonly members: readonly string[] };
}

/** Compares our own schemas of a version with the vendor's: ours may be narrower, and nothing else. */
export function compare(ours: Contract, theirs: Contract): Comparison {
  const { version } = ours;
  const run = new Run(theirs.schemas);
  const isSame = (a: Operation, b: Operation): boolean => a.method === b.method && a.pattern === b.pattern;
  for (const operation of ours.operations) {
    const name = nameOf(operation, version);
    const other = theirs.operations.find((one) => isSame(one, operation));
    if (!other) run.found.push(`${name}: unknown to the vendor`);
    else run.answers(name, operation, other);
  }
  for (let status = 400; status < 600; status++) {
    const [own] = ours.refusalOf(status, '') ?? [];
    const [other] = theirs.refusalOf(status, '')?.slice(-1) ?? [];
    if (own !== undefined && own !== 'nothing') run.bodies(`${status}: body`, own, other);
  }
  const leftOut = theirs.operations.filter((one) => !ours.operations.some((own) => isSame(own, one)));
  return {
    contradictions: run.found,
    operations: ours.operations.length,
    members: run.members,
    leftOut: {
      operations: leftOut.map(({ method, pattern }) => `${method} ${pattern}`).sort(),
      members: [...run.leftOut].sort(),
    },
  };
}

class Run {
  readonly found: string[] = [];
  readonly leftOut = new Set<string>();
  members = 0;

  constructor(private readonly schemas: Schemas) {}

  answers(name: string, ours: Operation, theirs: Operation): void {
    const [own, other] = [Object.keys(ours.answers), Object.keys(theirs.answers)];
    if (own.join() !== other.join()) this.found.push(`${name}: answered with ${own.join()}, not ${other.join()}`);
    for (const [status, bodies] of Object.entries(ours.answers)) {
      for (const body of bodies) this.bodies(`${name}: body`, body, theirs.answers[Number(status)]?.[0]);
    }
  }

  bodies(at: string, ours: AnswerBody, theirs: AnswerBody | undefined): void {
    if (theirs === undefined) return; // another status was told of already
    const kinds = [ours, theirs].map((body) => (typeof body === 'string' ? body : 'JSON'));
    if (kinds[0] !== kinds[1]) this.found.push(`${at}: ${kinds.join(', not ')}`);
    else if (typeof ours === 'object' && typeof theirs === 'object') this.schema(at, ours, theirs);
  }

  private schema(at: string, ours: Schema, given: Schema): void {
    if (ours.anyOf) {
      for (const one of ours.anyOf) this.schema(at, one, given);
      return;
    }
    const theirs = resolve(given, this.schemas);
    const against = (fault: string): unknown => this.found.push(`${at}: ${fault}`);
    if (ours.type !== theirs.type) {
      against(`${ours.type}, not ${theirs.type}`);
      return;
    }
    if (ours.nullable && !theirs.nullable) against('may not be null');
    if (theirs.writeOnly) against('is for requests only');
    if (theirs.format !== undefined && ours.format !== theirs.format) {
      against(`${ours.format ?? `any ${ours.type}`}, not ${theirs.format}`);
    }
    if (theirs.enum) {
      const others = ours.enum ? ours.enum.filter((value) => !theirs.enum?.includes(value)) : ['any text'];
      if (others.length > 0) against(`${others.join()} is not of the enumeration`);
    }
    if (ours.items && theirs.items) this.schema(`${at}[]`, ours.items, theirs.items);
    if (ours.properties) this.object(at, ours, theirs);
  }

  private object(at: string, ours: Schema, given: Schema): void {
    const { properties = {}, required = [] } = ours;
    const constants = Object.entries(properties).map(([name, member]) => [name, member.enum?.[0]] as const);
    const theirs = chosen(Object.fromEntries<unknown>(constants), given, this.schemas);
    for (const [name, member] of Object.entries(properties)) {
      const other = theirs.properties?.[name] ?? theirs.additionalProperties;
      this.members++;
      if (typeof other === 'object') this.schema(`${at}.${name}`, member, other);
      else this.found.push(`${at}.${name}: unknown to the vendor`);
    }
    for (const name of theirs.required ?? []) {
      if (!required.includes(name)) this.found.push(`${at}.${name}: may not be missing`);
    }
    for (const name of Object.keys(theirs.properties ?? {})) if (!properties[name]) this.leftOut.add(name);
  }
}
