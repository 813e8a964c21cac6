import type { SentAnswer } from '../src/index.js';

/** Of an answer, one thing that is otherwise. */
export interface Change extends Partial<SentAnswer> {
  /** Where. */
  readonly at: string;
  readonly isRemoval: boolean;
}

/** Other statuses, another kind of body, and all that `jsonChangesOf` finds to change in its JSON. */
export function changesOf({ status, json, hasBody }: SentAnswer): Change[] {
  const others = [200, 201, 204].filter((other) => other !== status);
  const bodies = hasBody
    ? { at: 'no body', isRemoval: true, json: undefined, hasBody: false, contentType: undefined }
    : { at: 'a body', isRemoval: false, json: {}, hasBody: true, contentType: 'application/json' };
  return [
    ...others.map((other) => ({ at: `status ${other}`, isRemoval: false, status: other })),
    bodies,
    ...jsonChangesOf(json),
  ];
}

/** A JSON value with one thing in it changed. */
interface JsonChange {
  /** The name of the member. */
  readonly at: string;
  readonly json: unknown;
  readonly isRemoval: boolean;
}

/** Every member once left out, once misspelt and once of another type, and one more member in every object. */
function jsonChangesOf(json: unknown, at = 'body'): JsonChange[] {
  if (Array.isArray(json)) {
    const elements = json.flatMap((element: unknown, i) =>
      jsonChangesOf(element, at).map((change) => ({ ...change, json: json.with(i, change.json) })),
    );
    return [changed(at, {}), ...elements];
  }
  if (typeof json !== 'object' || json === null) return json === undefined ? [] : [changed(at, ofAnotherType(json))];
  const members = Object.entries(json) as [string, unknown][];
  return [
    changed(at, [json]),
    changed(at, { ...json, unheardOf: 1 }),
    ...members.flatMap(([name, value]) => {
      const others = Object.fromEntries(members.filter(([other]) => other !== name));
      return [
        { at: name, json: others, isRemoval: true },
        changed(name, { ...others, [`${name}s`]: value }),
        ...jsonChangesOf(value, name).map((change) => ({ ...change, json: { ...others, [name]: change.json } })),
      ];
    }),
  ];
}

function changed(at: string, json: unknown): JsonChange {
  return { at, json, isRemoval: false };
}

function ofAnotherType(value: unknown): unknown {
  return value === null ? {} : typeof value === 'string' ? 1 : 'another';
}
