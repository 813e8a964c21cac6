import { format, inspect } from 'node:util';
import { Secret } from './secret.js';

describe('Secret', () => {
  const secret = new Secret('correct horse battery staple');

  it('gives its value to whoever asks for it by name', () => {
    expect(secret.expose()).toBe('correct horse battery staple');
  });

  it.each<[string, () => string]>([
    ['String()', () => String(secret)],
    ['concatenation', () => 'password=' + String(secret)],
    ['JSON', () => JSON.stringify({ nested: [secret] })],
    ['inspect', () => inspect({ nested: [secret] }, { depth: 9, showHidden: true })],
    ['inspect without custom functions', () => inspect(secret, { customInspect: false, showHidden: true })],
    ['format', () => format('%s %o %j', secret, secret, secret)],
    ['its own properties', () => JSON.stringify(Object.getOwnPropertyDescriptors(secret))],
    ['an error message', () => new Error(`wrong password ${secret.toString()}`).stack ?? ''],
  ])('shows nothing of it through %s', (_, print) => {
    expect(print()).not.toContain('horse');
  });

  it('compares by value', () => {
    expect(secret.equals(new Secret('correct horse battery staple'))).toBe(true);
    expect(secret.equals(new Secret('correct horse'))).toBe(false);
  });
});
