import { applyDecorators } from '@nestjs/common';

import { type FieldOptions, Rule, text } from './fields.js';

/** ISO 8601 with a zone: a time without one is how the wrong restore point gets picked. */
const instant =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,7})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** A time as callers write it; `toInstant` reads it. */
export function Instant(options: FieldOptions): PropertyDecorator {
  return applyDecorators(
    text(options, instant, 'must be an ISO 8601 time with a zone, such as 2026-03-01T08:00:00Z', {
      format: 'date-time',
    }),
    Rule('existingDay', 'must be a day that exists', isExistingDay),
  );
}

/** Rounded up to the millisecond: a backup's own time, which may have seven decimals, still includes that backup. */
export function toInstant(time: string): Date {
  const isFiner = /\.\d{3}\d*[1-9]/.test(time);
  return new Date(Date.parse(time) + (isFiner ? 1 : 0));
}

/** `Date` reads the 30th of February as a day in March: another backup than the one that was meant. */
function isExistingDay(time: unknown): boolean {
  const day = String(time).slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(midnight.getTime()) || midnight.toISOString().startsWith(day);
}
