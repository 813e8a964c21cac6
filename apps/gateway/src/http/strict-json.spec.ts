import { ValidationFailedError } from '@app/problems';
import fc from 'fast-check';

import { parseStrictJson } from './strict-json.js';

function faultOf(text: string): { field: string; message: string } {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof ValidationFailedError && error.errors[0]) {
      return error.errors[0];
    }
    throw error;
  }
  throw new Error(`accepted: ${text.slice(0, 80)}`);
}

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('parseStrictJson', () => {
  it.each([
    ['an object', '{"a": {"b": [1, "x", true, false, null, -0.5e-3]}, "c": ""}'],
    ['names that differ in more than case', '{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 1}]}'],
    ['escapes, braces and quotes inside strings', '{"a": "\\"}{,:[]\\\\", "\\u0062": "\\ud83d\\ude00 \\n"}'],
    ['sixteen levels', nested(16)],
    ['a bare scalar', ' "x" '],
    ['zero in every spelling', '[0, -0, 0.0, 0e5, 0.000e-9]'],
    ['numbers written with more digits than needed', '[1.0, 1.50, 1e2, 100E-2, 0.1, 9007199254740992]'],
  ])('reads %s as JSON.parse does', (_, text) => {
    expect(parseStrictJson(text)).toStrictEqual(JSON.parse(text));
  });

  it.each([
    ['the same name twice', '{"save": null, "save": null}', 'save'],
    ['names that differ in case', '{"copyTo": {"folder": "a", "Folder": "b"}}', 'copyTo.Folder'],
    ['names that an escape makes the same', '{"save": 1, "s\\u0061ve": 2}', 'save'],
    ['__proto__', '{"a": {"__proto__": {}}}', 'a.__proto__'],
    ['__PROTO__', '{"__PROTO__": {}}', '__PROTO__'],
    ['an escaped __proto__', '{"\\u005f_proto__": {}}', '__proto__'],
    ['constructor', '{"Constructor": {"prototype": 1}}', 'Constructor'],
    ['prototype', '{"a": [{}, {"PROTOTYPE": 1}]}', 'a.1.PROTOTYPE'],
    ['hasOwnProperty, which a whitelist would let by', '{"hasOwnProperty": 1}', 'hasOwnProperty'],
    ['toString, which a copy into a class would drop', '{"toString": 1}', 'toString'],
    ['NUL in a string', '{"a": "x\\u0000"}', 'a'],
    ['a lone surrogate in a string', '{"a": {"b": "\\ud83d"}}', 'a.b'],
    ['a lone surrogate in a name', '{"\\udc00": 1}', '\\udc00'],
    ['a number beyond a double', '{"a": [1, 1e999]}', 'a.1'],
    ['a number below a double', '{"a": 1e-999}', 'a'],
    ['an integer that would be rounded', '{"a": 9007199254740993}', 'a'],
    ['a number with endless digits', `{"a": 1.${'0'.repeat(60_000)}1}`, 'a'],
  ])('refuses %s', (_, text, field) => {
    expect(faultOf(text).field).toBe(field);
  });

  it('refuses the seventeenth level, of arrays as of objects', () => {
    expect(faultOf(nested(17)).message).toContain('16 levels');
    expect(faultOf(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`).message).toContain('16 levels');
  });

  it('survives any depth that fits into a body, and far more', () => {
    expect(faultOf(nested(500_000)).message).toContain('16 levels');
    expect(faultOf('['.repeat(500_000)).message).toContain('not valid JSON');
  });

  it.each(['', '{', '{"a": 1,}', "{'a': 1}", '{"a": <app_id>}', '{"a": .. }', '{"a": 1} x', 'undefined', '{"a": NaN}'])(
    'refuses %j, which is no JSON',
    (text) => {
      expect(faultOf(text)).toEqual({ field: '', message: 'The body is not valid JSON.' });
    },
  );

  it('names curly quotes as the cause', () => {
    expect(faultOf('{ “save” : null }').message).toContain('curly quotes');
    expect(parseStrictJson('{"a": "“quoted”"}')).toEqual({ a: '“quoted”' });
  });

  it('never repeats what stands around a fault', () => {
    const { message } = faultOf('{"userPassword": "hunter2", x}');
    expect(message).not.toContain('hunter2');
  });

  it('shows a hostile name short and printable', () => {
    const { field } = faultOf(`{"${'\u202e'.repeat(20_000)}": "\\u0000"}`);
    expect(field.length).toBeLessThanOrEqual(64);
    expect(field).toMatch(/^[\x20-\x7e]+$/);
  });

  it('bounds the whole path too', () => {
    const { field } = faultOf(`${`{"${'x'.repeat(3000)}":`.repeat(15)}1e999${'}'.repeat(15)}`);
    expect(field.length).toBeLessThanOrEqual(256);
  });

  it('looks at the longest body in linear time', () => {
    const members = Array.from({ length: 8_000 }, (_, index) => `"k${index}":1`).join(',');
    const started = process.hrtime.bigint();
    parseStrictJson(`{${members}}`);
    parseStrictJson(`"${'\\\\'.repeat(30_000)}"`);
    faultOf(`[${'0.'.padEnd(60_000, '0')}1]`);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
  });

  it('agrees with JSON.parse wherever names are distinct and values are plain', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9 _.\u00e0-\u00ff]{1,8}$/), { maxLength: 5 });
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constant(null),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.maxSafeInteger(),
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
        fc.array(tie('value'), { maxLength: 4 }),
        fc
          .tuple(names, fc.array(tie('value'), { minLength: 5, maxLength: 5 }))
          .map(([keys, values]) => Object.fromEntries(keys.map((key, index) => [key, values[index]]))),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (original, space) => {
        const text = JSON.stringify(original, undefined, space);
        expect(parseStrictJson(text)).toStrictEqual(JSON.parse(text));
      }),
    );
  });

  it('never accepts what JSON.parse refuses, nor fails in any other way', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"A"',
      '"',
      '\\',
      '1',
      'e9',
      '-',
      'null',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        try {
          expect(parseStrictJson(text)).toStrictEqual(JSON.parse(text));
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationFailedError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
