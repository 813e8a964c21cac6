import { readEnvironment } from './environment.js';

describe('the environment', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['v8', ['v8']],
    ['V8, v5', ['v5', 'v8']],
    ['v7,v6', ['v6', 'v7']],
  ])('chooses versions by %p', (text, versions) => {
    expect(readEnvironment({ VEEAM_SANDBOX_VERSIONS: text }).versions).toEqual(versions);
  });

  it.each(['v9', 'v5,', 'v5 v8'])('refuses versions it has not: %s', (text) => {
    expect(() => readEnvironment({ VEEAM_SANDBOX_VERSIONS: text })).toThrow(/v5, v6, v7, v8/);
  });
});
