import { InternalError } from '@app/problems';

/**
 * The JSON text of our own data in the one form that RFC 8785 (JSON Canonicalization Scheme) gives it: no white space,
 * members sorted by the UTF-16 code units of their names, numbers as ECMAScript writes them. Members that are undefined
 * are absent, as in JSON.stringify.
 * @throws InternalError for anything but strings, finite numbers, booleans, null, arrays and plain objects of these, and
 * for lone surrogates, which have no UTF-8 (section 3.2.2.2). Texts of the data are not repeated in the message.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused('a number that is not finite');
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      // A hole of a sparse array becomes undefined, and is refused.
      if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`;
      if (isPlain(value)) return canonicalObject(value);
      throw refused('an object that is not plain');
    default:
      throw refused(`a value of type ${typeof value}`);
  }
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    // Sorted by UTF-16 code units, as `<` compares strings (section 3.2.3).
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${canonicalString(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** ECMAScript escapes exactly what section 3.2.2.2 wants escaped, and lone surrogates besides. */
function canonicalString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw refused('a lone surrogate');
  return JSON.stringify(text);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refused(what: string): InternalError {
  return new InternalError(`Canonical JSON cannot hold ${what}.`);
}
