const pattern =
  /^(\d{4})([-.])(\d{2})\2(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?(?:Z|([+-])([01]\d):([0-5]\d))?$/;

/**
 * A moment as clients of version 5 write it: `yyyy-MM-dd HH:mm:ss.SSS`, `yyyy.MM.dd HH:mm:ss`, without seconds, or
 * ISO 8601 with `Z` or an offset and up to seven decimals. What names no offset is UTC.
 *
 * Rounded up to the millisecond: sessions hold what was backed up at or before the moment, and a backup's own time has
 * seven decimals.
 *
 * @returns ISO 8601 UTC; undefined for another format or a moment that does not exist
 */
export function readV5DateTime(written: string): string | undefined {
  const match = pattern.exec(written);
  if (!match) {
    return undefined;
  }
  const [, year, , month, day, hours, minutes, seconds = '00', fraction = '', sign, offsetHours, offsetMinutes] = match;
  const asWritten = `${year}-${month}-${day}T${hours}:${minutes}:${seconds}.000Z`;
  const local = new Date(asWritten);
  // `Date` rolls the 30th of February and the hour 24 over to the next day.
  if (Number.isNaN(local.getTime()) || local.toISOString() !== asWritten) {
    return undefined;
  }
  const offset = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * 60_000 * (sign === '-' ? -1 : 1);
  const milliseconds = Math.ceil(Number(fraction.padEnd(7, '0')) / 10_000);
  return toFourDigitYear(new Date(local.getTime() - offset + milliseconds));
}

/** An offset can lead out of the years 0 to 9999, which `toISOString` then writes with six digits. */
function toFourDigitYear(moment: Date): string | undefined {
  const iso = moment.toISOString();
  return iso.length === 24 ? iso : undefined;
}
