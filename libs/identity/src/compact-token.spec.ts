import { readCompactToken } from './compact-token.js';

const encode = (text: string | Buffer) => Buffer.from(text).toString('base64url');
const compact = (header: string, payload: string | Buffer = '{}') => `${encode(header)}.${encode(payload)}.c2ln`;
const malformed = expect.objectContaining({ refusal: 'malformed-token' });

describe('a compact token', () => {
  it('is read into header and payload', () => {
    expect(readCompactToken(compact('{"alg":"RS256"}', '{"sub":"é","a":[{"b":1},{"b":2}]}'))).toEqual({
      header: { alg: 'RS256' },
      payload: { sub: 'é', a: [{ b: 1 }, { b: 2 }] },
    });
  });

  it.each(['', 'a', 'a.b', '..', `${compact('{}')}.x`, `${encode('{}')}.${encode('{}')}.`, 'a.b.c.d.e'])(
    'has three parts, unlike %j',
    (token) => {
      expect(() => readCompactToken(token)).toThrow(malformed);
    },
  );

  it.each(['[]', 'null', '"text"', '1', '', '{', '{"a":1}x', '\ufeff{}'])('holds objects, not %j', (text) => {
    expect(() => readCompactToken(compact(text))).toThrow(malformed);
    expect(() => readCompactToken(compact('{}', text))).toThrow(malformed);
  });

  it('is UTF-8', () => {
    expect(() =>
      readCompactToken(compact('{}', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]))),
    ).toThrow(malformed);
  });

  it.each(['e30=', 'e31', 'e30+', 'e3/0', 'e30 '])('is canonical base64url, unlike %j', (part) => {
    expect(() => readCompactToken(`${part}.e30.c2ln`)).toThrow(malformed);
    expect(() => readCompactToken(`e30.e30.${part}`)).toThrow(malformed);
  });

  it.each([
    '{"sub":"alice","sub":"bob"}',
    String.raw`{"sub":"alice","\u0073ub":"bob"}`,
    '{"a":{"b":1,"b":1}}',
    '{"a":[{"b":1,"b":2}]}',
    '{"__proto__":1,"__proto__":2}',
    '{"sub" : 1, "sub"\n:2}',
  ])('has no member twice, unlike %s', (payload) => {
    expect(() => readCompactToken(compact('{}', payload))).toThrow(malformed);
    expect(() => readCompactToken(compact(payload))).toThrow(malformed);
  });

  it.each([
    String.raw`{"a":"\"b\":1","b":"c\\"}`,
    '{"a":"x:y","b":":"}',
    '{"a":["b","c"],"b":{}}',
    '{"a":"\\\\","b":1}',
  ])('may hold quotes and colons: %s', (payload) => {
    expect(readCompactToken(compact('{}', payload)).payload).toEqual(JSON.parse(payload));
  });

  it('may be nested as deep as it is long without breaking the reader', () => {
    const depth = 6_000;
    expect(() => readCompactToken(compact('{}', `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`))).not.toThrow(
      RangeError,
    );
  });

  it('takes no prototype from the sender', () => {
    expect(readCompactToken(compact('{}', '{"__proto__":{"iss":"x"}}')).payload.iss).toBeUndefined();
  });
});
