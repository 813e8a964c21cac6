import { TokenMissingError } from '@app/problems';
import { readBearerToken } from './bearer-token.js';

const read = (...values: string[]) => readBearerToken(values.flatMap((value) => ['authorization', value])).expose();

describe('the bearer token', () => {
  it('is what follows the word Bearer and one space', () => {
    expect(read('Bearer abc.def-_~+/09==')).toBe('abc.def-_~+/09==');
  });

  it('is found whatever the case of the header name', () => {
    expect(readBearerToken(['Host', 'authorization', 'AUTHORIZATION', 'Bearer abc']).expose()).toBe('abc');
  });

  it('is missing without the header', () => {
    expect(() => readBearerToken(['host', 'Bearer abc'])).toThrow(TokenMissingError);
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer  abc',
    'Bearer\tabc',
    'bearer abc',
    'BEARER abc',
    'Basic abc',
    'Bearerabc',
    ' Bearer abc',
    'Bearer abc ',
    'Bearer abc def',
    'Bearer abc, Bearer def',
    'Bearer a=c',
    'Bearer äbc',
    'Bearer abc\n',
    `Bearer ${'a'.repeat(16 * 1024 + 1)}`,
  ])('is refused in %j', (value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ refusal: 'malformed-header' }));
  });

  it('may be 16 KiB long', () => {
    expect(read(`Bearer ${'a'.repeat(16 * 1024)}`)).toHaveLength(16 * 1024);
  });

  it('is refused when the header comes twice, even with the same value', () => {
    expect(() => read('Bearer abc', 'Bearer abc')).toThrow(expect.objectContaining({ refusal: 'malformed-header' }));
  });

  it('does not print', () => {
    expect(JSON.stringify(readBearerToken(['authorization', 'Bearer abc']))).not.toContain('abc');
  });
});
