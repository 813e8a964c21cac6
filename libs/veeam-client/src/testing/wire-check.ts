/** The part of JSON Schema that OpenAPI 3.0 documents of VB365 use in requests. */
export interface WireSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  /** Ours, not JSON Schema's: texts that stand beside those of the format. */
  readonly words?: readonly string[];
  readonly nullable?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, WireSchema>>;
  readonly items?: WireSchema;
}

/** What may be sent to one method of one path. */
export interface WireOperation {
  readonly method: string;
  /** With version: `/v8/RestoreSessions/{restoreSessionId}`. */
  readonly template: string;
  readonly ids?: Readonly<Record<string, WireSchema>>;
  readonly query?: Readonly<Record<string, WireSchema>>;
  /** Absent: no body at all. */
  readonly body?: WireSchema;
}

export interface WireRequest {
  readonly method: string;
  /** With version and query, as it goes onto the wire. */
  readonly url: string;
  /** Parsed; undefined when there is none. */
  readonly body: unknown;
}

type Resolve = (schema: WireSchema) => WireSchema;

/** What is wrong with a request by these operations: unknown, missing or ill-typed path, ids, query or members. Empty when nothing is. */
export function deviationsOf(
  { method, url, body }: WireRequest,
  operations: readonly WireOperation[],
  resolve: Resolve = (schema) => schema,
): string[] {
  const [path = '', search = ''] = url.split('?');
  const candidates = operations.filter((operation) => operation.method === method);
  const operation =
    candidates.find(({ template }) => template === path) ?? candidates.find(({ template }) => idsOf(template, path));
  if (!operation) return [`${method} ${path} is no operation`];
  const { template, ids = {}, query = {}, body: schema } = operation;
  const values = Object.entries(idsOf(template, path) ?? {});
  const parameters = [...new URLSearchParams(search)];
  return [
    ...values.flatMap(([name, value]) => textFaults(`{${name}}`, value, ids[name] && resolve(ids[name]))),
    ...parameters.flatMap(([name, value]) => textFaults(`?${name}`, value, query[name] && resolve(query[name]))),
    ...bodyFaults(body, schema, resolve),
  ].map((fault) => `${method} ${template}: ${fault}`);
}

function idsOf(template: string, path: string): Record<string, string> | undefined {
  const names = template.split('/');
  const segments = path.split('/');
  if (names.length !== segments.length) return undefined;
  const ids: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const segment = segments[index] ?? '';
    if (name.startsWith('{')) ids[name.slice(1, -1)] = decodeURIComponent(segment);
    else if (name !== segment) return undefined;
  }
  return ids;
}

function bodyFaults(body: unknown, schema: WireSchema | undefined, resolve: Resolve): string[] {
  if (!schema) return body === undefined ? [] : ['has a body'];
  return body === undefined ? ['has no body'] : faultsOf('body', body, schema, resolve);
}

function faultsOf(where: string, value: unknown, unresolved: WireSchema, resolve: Resolve): string[] {
  const schema = resolve(unresolved);
  if (value === null) return schema.nullable ? [] : [`${where} is null`];
  if (schema.type === 'object' || schema.properties) {
    if (typeof value !== 'object' || Array.isArray(value)) return [`${where} is no object`];
    const { properties = {}, required = [] } = schema;
    const members = value as Record<string, unknown>;
    return [
      ...required.filter((name) => !(name in members)).map((name) => `${where}.${name} is missing`),
      ...Object.entries(members).flatMap(([name, member]) => {
        const property = properties[name];
        return property ? faultsOf(`${where}.${name}`, member, property, resolve) : [`${where}.${name} is unknown`];
      }),
    ];
  }
  if (schema.type === 'array') {
    const { items } = schema;
    if (!Array.isArray(value) || !items) return [`${where} is no list`];
    return value.flatMap((item, index) => faultsOf(`${where}[${index}]`, item, items, resolve));
  }
  if (typeof value === 'string')
    return schema.type === 'string' ? textFaults(where, value, schema) : [`${where} is text`];
  if (schema.type === 'integer' && Number.isInteger(value)) return [];
  return typeof value === schema.type ? [] : [`${where} is a ${typeof value}`];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?Z$/;
const patterns: Readonly<Record<string, RegExp>> = { uuid: UUID, 'date-time': UTC_TIME };

/** A value of a path, query or form, where everything is text. */
function textFaults(where: string, value: string, schema: WireSchema | undefined): string[] {
  if (!schema) return [`${where} is unknown`];
  const { type, format = '', enum: values, words = [] } = schema;
  if (words.includes(value)) return [];
  if (values && !values.includes(value)) return [`${where} is ${value}, not ${values.join(' or ')}`];
  if (type === 'boolean' && !['true', 'false'].includes(value)) return [`${where} is no boolean`];
  if (type === 'integer' && !/^\d+$/.test(value)) return [`${where} is no count`];
  return patterns[format]?.test(value) === false ? [`${where} is no ${format}`] : [];
}

interface OpenApiOperation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: WireSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: WireSchema }>> };
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, WireSchema>> };
}

export function operationsOf({ paths }: OpenApiDocument): WireOperation[] {
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
      const named = (place: string) =>
        Object.fromEntries(parameters.filter((one) => one.in === place).map(({ name, schema }) => [name, schema]));
      const body = Object.values(requestBody?.content ?? {})[0]?.schema;
      const operation = { method: method.toUpperCase(), template, ids: named('path'), query: named('query') };
      return body ? { ...operation, body } : operation;
    }),
  );
}

export function resolverOf({ components }: OpenApiDocument): Resolve {
  return function resolve(schema) {
    const name = schema.$ref?.split('/').at(-1);
    if (name === undefined) return schema;
    const named = components.schemas[name];
    if (!named) throw new Error(`no schema ${name}`);
    return resolve(named);
  };
}
