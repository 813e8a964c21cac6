import { TopLevelNumbers } from './top-level-numbers.js';

function numbersIn(text: string, chunkBytes = Infinity) {
  const bytes = Buffer.from(text);
  const numbers = new TopLevelNumbers();
  for (let at = 0; at < bytes.length; at += chunkBytes) numbers.write(bytes.subarray(at, at + chunkBytes));
  return numbers.end();
}

const tricky = {
  restoreIssues: [{ count: 1, path: '/"a\\', title: '"},"restored":9,{"ä€😀' }, [], {}, [[{ failed: 3 }]]],
  total: 12_000,
  text: '"failed": 8, {[',
  word: '77',
  flag: true,
  none: null,
  negative: -4,
  half: 0.5,
  nested: { skipped: 5 },
  failed: 0,
};

describe('the numbers of an object', () => {
  it.each([Infinity, 1, 2, 7])('are its own and nothing else that looks like them, in chunks of %d bytes', (bytes) => {
    for (const text of [
      JSON.stringify(tricky),
      JSON.stringify(tricky, undefined, 2),
      `\uFEFF${JSON.stringify(tricky)}\n`,
    ]) {
      expect(numbersIn(text, bytes)).toEqual({ total: 12_000, negative: -4, failed: 0 });
    }
  });

  it('are none where the object is empty or has none', () => {
    expect(numbersIn('{}')).toEqual({});
    expect(numbersIn('{"a":"1"}')).toEqual({});
  });

  it.each([
    '',
    ' ',
    '{"a":1',
    '{"a":[1}',
    '[{"a":1}]',
    '<html>{"a":1}</html>',
    '{"a":1}{"b":2}',
    '"{}"',
    '{"a":1,"b":"',
  ])('are unknown where there is no whole object: %j', (text) => {
    expect(numbersIn(text)).toBeUndefined();
  });
});
