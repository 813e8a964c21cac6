import {
  checkParseSchema,
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';

import { EMERGENCY_STOP, emergencyStop } from './emergency-stop.js';
import { DEFAULT_DENY, EVALUATION_ERROR } from './policy-decision.js';

/** A policy file, or what stands for one. */
export interface PolicyText {
  /** Name of the file, for messages and the digest. */
  readonly name: string;
  readonly text: string;
}

export interface PolicySetTexts {
  readonly schemaText: string;
  readonly policies: readonly PolicyText[];
}

export interface PolicyFault {
  readonly file: string;
  /** From 1; undefined when the fault is not of a certain line. */
  readonly line: number | undefined;
  readonly message: string;
}

/** The policies cannot be used. The message lists every fault with its file and line. */
export class PolicySetError extends Error {
  override readonly name = 'PolicySetError';

  constructor(readonly faults: readonly PolicyFault[]) {
    const lines = faults.map(
      ({ file, line, message }) => `${line === undefined ? file : `${file}:${line}`}: ${message}`,
    );
    super(['The policies cannot be used:', ...lines].join('\n  '));
  }
}

/**
 * Policies by their `@id`. What is decided by is the text: the JSON, good for looking into a policy, has its numbers
 * rounded by JavaScript.
 */
export type PolicySet = ReadonlyMap<string, { readonly text: string; readonly json: PolicyJson }>;

export const SCHEMA_FILE = 'gateway.cedarschema';

const reservedIds: readonly string[] = [DEFAULT_DENY, EVALUATION_ERROR, EMERGENCY_STOP];

/**
 * Reads and checks a whole set. Stricter than Cedar: every policy has an `@id` of its own, no file is without a policy
 * (it would be a file cut short), templates are refused, and a warning is a fault (a policy that can never apply is a
 * mistake, and a dangerous one in a forbid).
 * @throws PolicySetError with all faults at once
 */
export function readPolicySet({ schemaText, policies }: PolicySetTexts): PolicySet {
  const schema = checkParseSchema(schemaText);
  const schemaFaults =
    schema.type === 'failure' ? schema.errors.flatMap((error) => toFaults(SCHEMA_FILE, schemaText, error)) : [];
  const checkedAgainst = schema.type === 'success' ? schemaText : undefined;
  const files = policies.map((file) => readFile(file, checkedAgainst));
  const found = files.flatMap((file) => file.policies);
  const faults = [...schemaFaults, ...files.flatMap((file) => file.faults), ...repeatedIds(found)];
  if (policies.length === 0) {
    faults.push({ file: '*.cedar', line: undefined, message: 'there is no policy: everything would be denied' });
  }
  if (faults.length > 0) {
    throw new PolicySetError(faults);
  }
  return new Map(found.map(({ id, text, json }) => [id, { text, json }]));
}

interface FoundPolicy {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly json: PolicyJson;
}

interface FileContent {
  readonly policies: readonly FoundPolicy[];
  readonly faults: readonly PolicyFault[];
}

function readFile({ name, text }: PolicyText, schemaText: string | undefined): FileContent {
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') {
    return { policies: [], faults: parts.errors.flatMap((error) => toFaults(name, text, error)) };
  }
  const faults: PolicyFault[] = [];
  const policies: FoundPolicy[] = [];
  for (const template of parts.policy_templates) {
    faults.push({ file: name, line: lineOfPart(text, template), message: 'templates are not supported' });
  }
  for (const part of parts.policies) {
    const line = lineOfPart(text, part);
    const parsed = policyToJson(part);
    const id = parsed.type === 'success' ? parsed.json.annotations?.id : undefined;
    if (parsed.type === 'failure' || !id) {
      faults.push({ file: name, line, message: 'the policy has no @id("...")' });
    } else if (reservedIds.includes(id) && part !== emergencyStop.text) {
      faults.push({ file: name, line, message: `"${id}" is not free to be the id of a policy` });
    } else {
      policies.push({ id, file: name, line, text: part, json: parsed.json });
    }
  }
  if (parts.policies.length + parts.policy_templates.length === 0) {
    faults.push({ file: name, line: undefined, message: 'holds no policy' });
  }
  const isChecked = schemaText !== undefined && parts.policy_templates.length === 0;
  return { policies, faults: [...faults, ...(isChecked ? misfits({ name, text }, schemaText) : [])] };
}

/** What does not fit the schema. */
function misfits({ name, text }: PolicyText, schemaText: string): PolicyFault[] {
  const answer = validate({ schema: schemaText, policies: { staticPolicies: text } });
  if (answer.type === 'failure') {
    return answer.errors.flatMap((error) => toFaults(name, text, error));
  }
  const { validationErrors, validationWarnings, otherWarnings } = answer;
  const broken = new Set(validationErrors.map(({ policyId }) => policyId));
  const warnings = validationWarnings.filter(({ policyId }) => !broken.has(policyId));
  const errors = [...[...validationErrors, ...warnings].map(({ error }) => error), ...otherWarnings];
  return errors.flatMap((error) => toFaults(name, text, error));
}

function repeatedIds(policies: readonly FoundPolicy[]): PolicyFault[] {
  const first = new Map<string, FoundPolicy>();
  return policies.flatMap((policy) => {
    const earlier = first.get(policy.id);
    if (earlier === undefined) {
      first.set(policy.id, policy);
      return [];
    }
    const message = `the id "${policy.id}" is taken by ${earlier.file}:${earlier.line}`;
    return [{ file: policy.file, line: policy.line, message }];
  });
}

function toFaults(file: string, text: string, error: DetailedError): PolicyFault[] {
  const [place] = error.sourceLocations ?? [];
  const hints = [place?.label, error.help].filter((hint) => typeof hint === 'string');
  // Cedar numbers the policies of a text; the line says which one is meant.
  const message = [error.message.replace(/^for policy `policy\d+`[,:] /, ''), ...hints].join('; ');
  return [
    { file, line: place === undefined ? undefined : lineAt(Buffer.from(text).subarray(0, place.start)), message },
    ...(error.related ?? []).flatMap((related) => toFaults(file, text, related)),
  ];
}

function lineOfPart(text: string, part: string): number {
  return lineAt(Buffer.from(text.slice(0, Math.max(0, text.indexOf(part)))));
}

/** Cedar counts bytes of UTF-8. */
function lineAt(before: Buffer): number {
  return before.toString('latin1').split('\n').length;
}
