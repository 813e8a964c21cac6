import { readTime } from './time.js';

describe('readTime', () => {
  it.each([
    ['2017-05-30T13:53:45.0679711+03:00', '2017-05-30T10:53:45.067Z'],
    ['2017-04-09T09:12:59', '2017-04-09T09:12:59.000Z'],
    ['2017-04-09 09:12:59.5', '2017-04-09T09:12:59.500Z'],
    ['2026-01-15T12:00:00Z', '2026-01-15T12:00:00.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ])('reads %s as %s', (text, expected) => {
    expect(readTime(text)).toEqual(new Date(expected));
  });

  it.each(['0001-01-01T00:00:00', '0001-01-01T00:00:00Z'])("takes .NET's smallest time %s for never", (text) => {
    expect(readTime(text)).toBe('never');
  });

  it.each(['', 'yesterday', '2026-13-01T00:00:00Z', '2026-01-15', '2026-01-15T25:00:00', '15.01.2026 12:00'])(
    'does not read %j',
    (text) => {
      expect(readTime(text)).toBeUndefined();
    },
  );
});
