import type { SentAnswer } from '../src/index.js';
import { AnswerCheck, segmentsOf } from './answer-check.js';
import { vendorDocumentOf } from './vendor-document.js';
import { versions } from './wire-schemas/notation.js';
import { unserved, wireSchemasOf } from './wire-schemas/operations.js';

/** Answers of the sandbox checked against our own wire schemas and, where they are at hand, against the vendor's documents. */
export class Conformance {
  private readonly checks: readonly AnswerCheck[];
  private readonly elsewhere = new AnswerCheck(unserved);

  /** @param served the versions that the sandbox was told to serve; default all */
  constructor(served: readonly string[] = versions) {
    const contracts = versions
      .filter((version) => served.includes(version))
      .flatMap((version) => [wireSchemasOf(version), vendorDocumentOf(version) ?? []].flat());
    this.checks = contracts.map((contract) => new AnswerCheck(contract));
  }

  /** Where an answer departs from either, one line each. */
  check(answer: SentAnswer): string[] {
    const checks = this.of(segmentsOf(answer.path)[0] ?? '');
    return (checks.length > 0 ? checks : [this.elsewhere]).flatMap((check) => check.check(answer));
  }

  /** What was checked of a version: by our own schemas, and by the document. */
  of(version: string): readonly AnswerCheck[] {
    return this.checks.filter(({ contract }) => contract.version === version.toLowerCase());
  }

  /** A line for the output of a test run for each of them that was used. */
  get summaries(): string[] {
    return this.checks.filter(({ checked }) => checked.size > 0).map(({ summary }) => summary);
  }
}
