/** The part of OpenAPI 3.0's schemas that the vendor's documents use, and two words of JSON Schema that our own need besides. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly writeOnly?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly discriminator?: { readonly propertyName: string; readonly mapping: Readonly<Record<string, string>> };
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
}

export type Schemas = Readonly<Record<string, Schema>>;

const formats: Readonly<Record<string, (value: unknown) => boolean>> = {
  uuid: (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(value)),
  'date-time': (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(String(value)),
  int32: (value) => Math.abs(Number(value)) < 2 ** 31,
  int64: (value) => Number.isSafeInteger(value),
};

/**
 * Where a value of an answer departs from its schema, one line each; empty when nowhere. A member that the schema does not name is
 * a departure too, since that is how a misspelt one shows.
 */
export function departures(value: unknown, schema: Schema, schemas: Schemas, at = 'body'): string[] {
  const resolved = resolve(schema, schemas);
  if (value === null) return resolved.nullable === true ? [] : [`${at}: null where it may not be`];
  if (resolved.anyOf) return nearest(resolved.anyOf.map((one) => departures(value, one, schemas, at)));
  if (resolved.enum && !resolved.enum.includes(value))
    return [`${at}: ${JSON.stringify(value)} is not of the enumeration`];
  switch (resolved.type) {
    case 'object':
      return isRecord(value)
        ? membersOf(value, chosen(value, resolved, schemas), schemas, at)
        : [`${at}: not an object`];
    case 'array': {
      const { items } = resolved;
      if (!Array.isArray(value)) return [`${at}: not an array`];
      return items ? value.flatMap((one, i) => departures(one, items, schemas, `${at}[${i}]`)) : [];
    }
    case 'integer':
    case 'number':
    case 'boolean':
    case 'string': {
      const { type, format, pattern } = resolved;
      const isOfType = type === 'integer' ? Number.isInteger(value) : (typeof value as string) === type;
      const isOfFormat = formats[format ?? '']?.(value) ?? true;
      if (!isOfType || !isOfFormat) return [`${at}: not ${format ?? type}`];
      const isLikeIt = pattern === undefined || (typeof value === 'string' && isLike(pattern, value));
      return isLikeIt ? [] : [`${at}: ${JSON.stringify(value)} is not like ${pattern}`];
    }
    default:
      return [`${at}: a schema of an unknown type`];
  }
}

const compiled = new Map<string, RegExp>();

function isLike(pattern: string, value: string): boolean {
  const expression = compiled.get(pattern) ?? new RegExp(pattern, 'u');
  compiled.set(pattern, expression);
  return expression.test(value);
}

/** Of several schemas the one that fits, or that was probably meant. */
function nearest(found: readonly string[][]): string[] {
  return found.reduce((best, one) => (one.length < best.length ? one : best));
}

function membersOf(value: Record<string, unknown>, schema: Schema, schemas: Schemas, at: string): string[] {
  const { properties = {}, additionalProperties, required = [] } = schema;
  const missing = required.filter((name) => value[name] === undefined).map((name) => `${at}.${name}: missing`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    if (member === undefined) return []; // as JSON leaves it out
    const declared = properties[name];
    if (declared && resolve(declared, schemas).writeOnly === true) return [`${at}.${name}: is for requests only`];
    if (declared) return departures(member, declared, schemas, `${at}.${name}`);
    if (typeof additionalProperties === 'object')
      return departures(member, additionalProperties, schemas, `${at}.${name}`);
    return [`${at}.${name}: not in the schema`];
  });
  return [...missing, ...wrong];
}

/** The schema that a discriminator points to, where there is one. */
export function chosen(value: Record<string, unknown>, schema: Schema, schemas: Schemas): Schema {
  const { discriminator } = schema;
  const reference = discriminator?.mapping[String(value[discriminator.propertyName])];
  return reference === undefined ? schema : resolve({ $ref: reference }, schemas);
}

export function resolve(schema: Schema, schemas: Schemas): Schema {
  const { $ref } = schema;
  if ($ref === undefined) return schema;
  const found = schemas[$ref.slice($ref.lastIndexOf('/') + 1)];
  if (!found) throw new Error(`There is no schema ${$ref}.`);
  return resolve(found, schemas);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
