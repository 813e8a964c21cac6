import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { departures, type Schema, type Schemas } from './json-schema.js';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

export interface AnswerFacts {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly json: unknown;
  readonly size: number;
}

/** The vendor's OpenAPI document of one version, beside the project where it is at hand, and answers checked against it. */
export class VendorDocument {
  private readonly counts = new Map<string, number>();

  private constructor(
    private readonly version: string,
    private readonly document: OpenApi | undefined,
  ) {}

  static of(version: string): VendorDocument {
    const file = resolve('..', 'shared', 'upstream', `openapi-${version}.json`);
    return new VendorDocument(
      version,
      existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as OpenApi) : undefined,
    );
  }

  get isHere(): boolean {
    return this.document !== undefined;
  }

  /** How many operations were checked. */
  get operations(): number {
    return this.counts.size;
  }

  /** For the output of a test run. */
  get summary(): string {
    const answers = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    return this.document
      ? `openapi-${this.version}: ${answers} answers of ${this.counts.size} operations checked`
      : `openapi-${this.version}: SKIPPED, the document is not here`;
  }

  /** Whether the document has it; true where the document is not at hand. */
  knows(method: string, pattern: string): boolean {
    return !this.document || this.find(method, `/${this.version}/${pattern}`) !== undefined;
  }

  /** Where an answer departs from the document. Refused logins and tokens may be empty; so may what has no route. */
  check(answer: AnswerFacts): string[] {
    const { document } = this;
    if (!document || !answer.path.toLowerCase().startsWith(`/${this.version}/`)) return [];
    const { method, status, contentType, json, size } = answer;
    if (status === 401 && size === 0) return [];
    const found = this.find(method, answer.path);
    if (!found) return status === 404 || status === 405 ? this.checkError(json) : [`${method} ${answer.path}: unknown`];
    const name = `${method} ${found.pattern}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const declared = found.operation.responses[String(status)];
    if (!declared)
      return (status < 400 ? [`status ${status} is not declared`] : this.checkError(json)).map(named(name));
    const { '*/*': anything, 'application/json': asJson, 'application/octet-stream': binary } = declared.content ?? {};
    if (binary) return contentType === 'application/octet-stream' ? [] : [`${name}: not an octet stream`];
    const content = asJson ?? anything;
    if (!content) return size === 0 ? [] : [`${name}: a body where none is declared`];
    return departures(json, content.schema, document.components.schemas).map(named(name));
  }

  private checkError(json: unknown): string[] {
    const reference = { $ref: '#/components/schemas/RESTExceptionInfo' };
    return departures(json, reference, this.document?.components.schemas ?? {});
  }

  private find(method: string, path: string): { pattern: string; operation: Operation } | undefined {
    const segments = (path.split('?')[0] ?? '').split('/');
    const fits = (pattern: string): boolean => {
      const parts = pattern.split('/');
      return (
        parts.length === segments.length &&
        parts.every((part, i) => part.startsWith('{') || part.toLowerCase() === segments[i]?.toLowerCase())
      );
    };
    for (const [pattern, operations] of Object.entries(this.document?.paths ?? {})) {
      const operation = operations[method.toLowerCase()];
      if (operation && fits(pattern)) return { pattern, operation };
    }
    return undefined;
  }
}

function named(name: string): (departure: string) => string {
  return (departure) => `${name}: ${departure}`;
}
