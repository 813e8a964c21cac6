import { ValidationFailedError } from '@app/problems';

import { fieldPath } from '../http/field-path.js';
import { isJsonObject } from '../http/json-object.js';
import { canonicalName, type Vocabulary, v5Values } from './v5-vocabulary.js';

/**
 * The members of an object under their canonical names. A member that is null counts as left out, as upstream reads it.
 *
 * @param path where the object stands in the body
 * @throws ValidationFailedError for a name that is not in the vocabulary, or is there twice
 */
export function readMembers<Name extends string>(
  value: unknown,
  names: Vocabulary<Name>,
  path: readonly string[],
): ReadonlyMap<Name, unknown> {
  const members = readMembersWithNulls(value, names, path);
  return new Map([...members].filter(([, member]) => member !== null));
}

/** The same for an object whose nulls say something, as in `{"stop": null}`. */
export function readMembersWithNulls<Name extends string>(
  value: unknown,
  names: Vocabulary<Name>,
  path: readonly string[],
): ReadonlyMap<Name, unknown> {
  if (!isJsonObject(value)) {
    throw invalid(path, path.length > 0 ? 'must be an object' : 'The body must be a JSON object.');
  }
  const members = new Map<Name, unknown>();
  for (const [written, member] of Object.entries(value)) {
    const name = canonicalName(names, written);
    if (name === undefined) {
      throw invalid([...path, written], `is not known here; known are: ${[...names.values()].join(', ')}`);
    }
    if (members.has(name)) {
      throw invalid([...path, name], 'must not occur twice, whatever its case');
    }
    members.set(name, member);
  }
  return members;
}

/** An enum value in any case; anything else is left for the DTO to refuse. */
export function readEnum(values: Vocabulary<string>, value: unknown): unknown {
  return typeof value === 'string' ? (canonicalName(values, value) ?? value) : value;
}

/** Clients of version 5 send booleans as strings too: `"true"`, `"False"`. */
export function readBoolean(value: unknown): unknown {
  const word = readEnum(v5Values.boolean, value);
  return word === 'true' || word === 'false' ? word === 'true' : value;
}

export function invalid(path: readonly string[], message: string): ValidationFailedError {
  return new ValidationFailedError([{ field: fieldPath(path), message }]);
}
