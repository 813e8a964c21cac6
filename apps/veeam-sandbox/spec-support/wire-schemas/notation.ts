import type { Schema } from '../json-schema.js';

/* The words that the tables of this folder are written with: what a part of an answer is, and in which versions it is there. */

export const versions = ['v5', 'v6', 'v7', 'v8'] as const;
export type Version = (typeof versions)[number];

export function isSince(version: Version, first: Version): boolean {
  return versions.indexOf(version) >= versions.indexOf(first);
}

/** The schema of a part in a version; undefined where that version has no such part. */
export type Part = (version: Version) => Schema | undefined;

/** A member is always there, unless it is marked by `maybe`. */
type Member = Part | Maybe;
interface Maybe {
  readonly part: Part;
  readonly first: Version;
}
export type Members = Readonly<Record<string, Member>>;

const always =
  (schema: Schema): Part =>
  () =>
    schema;

export const text = always({ type: 'string' });
export const flag = always({ type: 'boolean' });
export const count = always({ type: 'integer', format: 'int64' });
export const smallCount = always({ type: 'integer', format: 'int32' });
export const uuid = always({ type: 'string', format: 'uuid' });
/** With a zone. */
export const time = always({ type: 'string', format: 'date-time' });
export const like = (pattern: RegExp): Part => always({ type: 'string', pattern: pattern.source });
export const oneOf = (...values: readonly string[]): Part => always({ type: 'string', enum: values });
export const only = (value: boolean): Part => always({ type: 'boolean', enum: [value] });

/** @param first the version from which on the member may be missing; default all. */
export const maybe = (part: Part, first: Version = 'v5'): Member => ({ part, first });

export const since =
  (first: Version, part: Part): Part =>
  (version) =>
    isSince(version, first) ? part(version) : undefined;

export const upTo =
  (last: Version, part: Part): Part =>
  (version) =>
    isSince(last, version) ? part(version) : undefined;

/** One way before a version, another from it on. */
export const turnedBy =
  (first: Version, before: Part, after: Part): Part =>
  (version) =>
    (isSince(version, first) ? after : before)(version);

export const nullable =
  (part: Part): Part =>
  (version) => {
    const schema = part(version);
    return schema && { ...schema, nullable: true };
  };

export const list =
  (part: Part): Part =>
  (version) => {
    const items = part(version);
    return items && { type: 'array', items };
  };

export const either =
  (...parts: readonly Part[]): Part =>
  (version) => ({ anyOf: parts.flatMap((part) => part(version) ?? []) });

/** Members that are not named here may not be there. */
export const object =
  (members: Members): Part =>
  (version) => {
    const there = Object.entries(members).flatMap(([name, member]) => {
      const { part, first } = typeof member === 'function' ? { part: member, first: undefined } : member;
      const isSure = first === undefined || !isSince(version, first);
      const schema = part(version);
      return schema ? [{ name, schema, isSure }] : [];
    });
    return {
      type: 'object',
      properties: Object.fromEntries(there.map(({ name, schema }) => [name, schema])),
      required: there.filter(({ isSure }) => isSure).map(({ name }) => name),
    };
  };
