import type { SentAnswer } from '../src/index.js';
import { departures, type Schema, type Schemas } from './json-schema.js';

type Asked = Pick<SentAnswer, 'method' | 'path' | 'sent'>;

export type AnswerBody = Schema | 'nothing' | 'file';

export interface Operation {
  readonly method: string;
  /** Below the version. */
  readonly pattern: string;
  /** What the body of the request must begin with, in lower case, where one URL stands for several actions. */
  readonly action?: string;
  /** By status: what may come, where it is no refusal. */
  readonly answers: Readonly<Record<number, readonly AnswerBody[]>>;
}

/** What one version may answer. */
export interface Contract {
  /** For the output of a test run. */
  readonly title: string;
  readonly version: string;
  readonly operations: readonly Operation[];
  readonly schemas: Schemas;
  /** @param pattern undefined where the URL is none. */
  refusalOf(status: number, pattern: string | undefined): readonly AnswerBody[] | undefined;
}

/** Answers checked against a contract, and counted. */
export class AnswerCheck {
  private readonly counts = new Map<Operation, number>();

  constructor(readonly contract: Contract) {}

  /** The operations of which an answer was checked. */
  get checked(): ReadonlySet<Operation> {
    return new Set(this.counts.keys());
  }

  get summary(): string {
    const answers = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    return `${this.contract.title}: ${answers} answers of ${this.counts.size} operations checked`;
  }

  /** Where an answer departs from the contract, one line each. */
  check(answer: SentAnswer): string[] {
    const { version, schemas } = this.contract;
    const { method, path, status } = answer;
    const operation = this.find(answer);
    if (operation) this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    const bodies = operation?.answers[status] ?? this.refusalOf(answer, operation);
    const name = operation ? nameOf(operation, version) : `${method} ${path}`;
    const found = bodies
      ? bodyDepartures(answer, bodies, schemas)
      : [operation ? `status ${status} is not declared` : 'unknown'];
    return found.map((departure) => `${name}: ${departure}`);
  }

  private find(asked: Asked): Operation | undefined {
    const action = /\w+/.exec(asked.sent ?? '')?.[0].toLowerCase();
    return this.at(asked).find((one) => one.action === undefined || one.action === action);
  }

  private at({ method, path }: Asked): Operation[] {
    const [, ...segments] = segmentsOf(path);
    return this.contract.operations.filter((one) => one.method === method && fits(one.pattern, segments));
  }

  /** Where there is nothing, that is all there is to say. */
  private refusalOf(answer: SentAnswer, operation = this.at(answer)[0]): readonly AnswerBody[] | undefined {
    const { status } = answer;
    const mayRefuse = operation !== undefined || status === 404 || status === 405;
    return mayRefuse ? this.contract.refusalOf(status, operation?.pattern) : undefined;
  }
}

export function nameOf({ method, pattern, action }: Operation, version: string): string {
  return `${method} /${version}/${pattern}${action === undefined ? '' : ` ${action}`}`;
}

function bodyDepartures(answer: SentAnswer, bodies: readonly AnswerBody[], schemas: Schemas): string[] {
  const { contentType, json, hasBody } = answer;
  if (bodies.includes('file')) return contentType === 'application/octet-stream' ? [] : ['not an octet stream'];
  const schema = bodies.find((body) => typeof body === 'object');
  if (!hasBody && bodies.includes('nothing')) return [];
  return schema ? departures(json, schema, schemas) : ['a body where none is declared'];
}

/** Without the query; the first is the version. */
export function segmentsOf(path: string): string[] {
  return (path.split('?')[0] ?? '').split('/').filter((segment) => segment !== '');
}

function fits(pattern: string, segments: readonly string[]): boolean {
  const parts = pattern.split('/');
  return (
    parts.length === segments.length &&
    parts.every((part, i) => part.startsWith('{') || part.toLowerCase() === segments[i]?.toLowerCase())
  );
}
