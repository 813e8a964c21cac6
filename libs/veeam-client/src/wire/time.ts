const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s*(Z|[+-]\d{2}:\d{2})?$/i;

/**
 * A time of upstream. Some come without a zone: they are UTC. .NET's smallest time stands for "never". Undefined when it is no time.
 */
export function readTime(text: string): Date | 'never' | undefined {
  const [, date, time, fraction = '', zone = 'Z'] = TIME.exec(text) ?? [];
  if (date === undefined || time === undefined) return undefined;
  if (date === '0001-01-01') return 'never';
  const instant = new Date(`${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${zone.toUpperCase()}`);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}
