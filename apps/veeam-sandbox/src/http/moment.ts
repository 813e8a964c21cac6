import { badRequest } from '../world/sandbox-error.js';

const accepted =
  /^(\d{4})[-.](\d\d?)[-.](\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?(Z|[+-]\d\d:\d\d)?$/i;

/** The point in time of an `explore`; now when absent. Without a zone it means UTC. */
export function momentOf(text: string | undefined): Date {
  if (text === undefined) return new Date();
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] =
    accepted.exec(text.trim()) ?? [];
  const two = (part: string): string => part.padStart(2, '0');
  const time = `${two(hour)}:${two(minute)}:${two(second)}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  const moment = new Date(`${year}-${two(month)}-${two(day)}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(moment.getTime())) throw badRequest('The value of the parameter is invalid: dateTime');
  return moment;
}

const iso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** The same for versions that take ISO 8601 only. */
export function isoMomentOf(text: string | undefined): Date {
  if (text !== undefined && !iso.test(text)) throw badRequest('The value of the parameter is invalid: dateTime');
  return momentOf(text);
}
