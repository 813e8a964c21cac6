import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, Matches, ValidateBy, ValidateIf } from 'class-validator';

import { isJsonObject } from './json-object.js';

/*
 * The kinds of field callers send, each with its validation and its documentation. One rule a field with one message,
 * which says what is right and never repeats what was sent.
 */

export interface FieldOptions {
  readonly description: string;
  /** May be left out. `null` is not the same as left out. */
  readonly optional?: true;
  readonly example?: string;
}

/** Text on one line: no control, no line or paragraph separator, nothing that reorders what a reader sees. */
const oneLine = '[^\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]';

const resourceId = /^[A-Za-z0-9+/=_-]{1,256}$/;
const versionId = /^(?:0|[1-9][0-9]{0,9})$/;
const sessionId = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/**
 * Dot-atoms of RFC 5321 without what mail systems have read as a route (`%`, `!`) or a shell as its own. Length first,
 * so that the rest has little to look at.
 */
const mailAddress = new RegExp(
  `^(?=.{6,254}$)(?=[^@]{1,64}@)[A-Za-z0-9#&'+_~=-]+(?:\\.[A-Za-z0-9#&'+_~=-]+)*@(?:${label}\\.)+(?=[A-Za-z])${label}$`,
);

/** The id of a thing upstream: opaque, in its alphabet of GUIDs and base64, so that no path can be hidden in it. */
export function ResourceId(options: FieldOptions): PropertyDecorator {
  return text(options, resourceId, 'must be an id of 1 to 256 letters, digits, +, /, =, _ or -', { maxLength: 256 });
}

/** What an earlier version of an item is addressed by: a whole number upstream. */
export function VersionId(options: Pick<FieldOptions, 'optional'> = {}): PropertyDecorator {
  return text(
    { description: 'Id of an earlier version of it.', ...options },
    versionId,
    'must be a number of at most 10 digits',
  );
}

/** Several ids of things upstream, each once. */
export function ResourceIds(most: number, { description }: FieldOptions): PropertyDecorator {
  return field({ description }, { type: [String], minItems: 1, maxItems: most, uniqueItems: true }, [
    Rule(
      'resourceIds',
      `must be a list of 1 to ${most} different ids of 1 to 256 letters, digits, +, /, =, _ or -`,
      (value) =>
        Array.isArray(value) &&
        value.length >= 1 &&
        value.length <= most &&
        new Set(value).size === value.length &&
        value.every((id) => typeof id === 'string' && resourceId.test(id)),
    ),
  ]);
}

/** An id the gateway gave: restore sessions and operations. */
export function SessionId(options: FieldOptions): PropertyDecorator {
  return text(options, sessionId, 'must be a UUID', { format: 'uuid' });
}

/** Exactly one plain mailbox, at most 254 characters. */
export function MailAddress(options: FieldOptions): PropertyDecorator {
  return text(options, mailAddress, 'must be exactly one plain e-mail address such as user@example.com', {
    format: 'email',
    maxLength: 254,
  });
}

/** Text that becomes a mail header: a line break in it would start another header. */
export function HeaderText(max: number, options: FieldOptions): PropertyDecorator {
  const pattern = new RegExp(`^${oneLine}{1,${max}}$`, 'u');
  return text(options, pattern, `must be 1 to ${max} characters on one line`, { minLength: 1, maxLength: max });
}

/** Text of several lines. */
export function BodyText(max: number, options: FieldOptions): PropertyDecorator {
  const pattern = new RegExp(`^(?:[\\t\\r\\n]|[^\\p{Cc}\\p{Cs}]){0,${max}}$`, 'u');
  return text(options, pattern, `must be text of at most ${max} characters`, { maxLength: max });
}

/** Why something is asked for: kept with the operation and in the audit trail. Always optional. */
export function Reason(): PropertyDecorator {
  return text(
    { description: 'Why, in your own words; kept with the operation.', optional: true, example: 'Ticket 4711' },
    new RegExp(`^(?=.*\\S)${oneLine}{1,500}$`, 'u'),
    'must be 1 to 500 characters on one line',
    { minLength: 1, maxLength: 500 },
  );
}

/** For whom a service asks: kept as its word, and never what anything is proven by. Always optional. */
export function OnBehalfOf(): PropertyDecorator {
  return text(
    {
      description:
        'For services: the person for whom it is asked, by login or as your records have them; kept, and nothing is proven by it.',
      optional: true,
      example: 'bob@contoso.com',
    },
    new RegExp(`^(?=.*\\S)${oneLine}{1,254}$`, 'u'),
    'must be 1 to 254 characters on one line',
    { minLength: 1, maxLength: 254 },
  );
}

export function OneOf(values: readonly string[], options: FieldOptions & { default?: string }): PropertyDecorator {
  const standard = options.default === undefined ? {} : { default: options.default };
  return field(options, { enum: [...values], ...standard }, [
    IsIn(values, { message: `must be one of: ${values.join(', ')}` }),
  ]);
}

export function Flag(options: FieldOptions & { default: boolean }): PropertyDecorator {
  return field(options, { type: Boolean, default: options.default }, [IsBoolean({ message: 'must be true or false' })]);
}

/** A whole number within bounds, given as digits: for query parameters. Always optional. */
export function WholeNumber(
  least: number,
  most: number,
  { description, default: standard }: { readonly description: string; readonly default: number },
): PropertyDecorator {
  const digits = new RegExp(`^\\d{1,${String(most).length}}$`);
  return field({ description, optional: true }, { type: 'integer', default: standard, minimum: least, maximum: most }, [
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && digits.test(value) ? Number(value) : value,
    ),
    Rule(
      'wholeNumber',
      `must be a whole number from ${least} to ${most}`,
      (value) => typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most,
    ),
  ]);
}

/** A string that matches a pattern. */
export function text(
  options: FieldOptions,
  pattern: RegExp,
  message: string,
  schema: ApiPropertyOptions = {},
): PropertyDecorator {
  // `Matches` is false for whatever is no string, so one rule covers both.
  return field(options, { type: String, pattern: pattern.source, ...schema }, [Matches(pattern, { message })]);
}

/** A field of any kind; the composed ones above are made of it. */
export function field(
  { optional, description, example }: FieldOptions,
  schema: ApiPropertyOptions,
  rules: readonly PropertyDecorator[],
): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      description,
      required: !optional,
      ...(example === undefined ? {} : { example }),
      ...schema,
    } as ApiPropertyOptions),
    ...(optional ? [ValidateIf((_, value) => value !== undefined)] : []),
    ...rules,
  );
}

/** A rule of our own on a property; `holds` also gets the object around it. */
export function Rule(
  name: string,
  message: string,
  holds: (value: unknown, object: Record<string, unknown>) => boolean,
): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: { validate: (value: unknown, args) => holds(value, { ...args?.object }) },
    },
    { message },
  );
}

/** On a required property that holds an object: exactly one of these members is there. */
export function ExactlyOneOf(members: readonly string[], message: string): PropertyDecorator {
  return Rule(
    'exactlyOneOf',
    message,
    (value) => isJsonObject(value) && members.filter((member) => value[member] !== undefined).length === 1,
  );
}

/** The field and the other one exclude each other. */
export function NotTogetherWith(other: string): PropertyDecorator {
  return Rule(
    'notTogetherWith',
    `must not be given together with ${other}`,
    (_value, object) => object[other] === undefined,
  );
}
