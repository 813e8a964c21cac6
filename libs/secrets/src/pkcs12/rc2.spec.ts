import { decryptRc2Cbc } from './rc2.js';

describe('decryptRc2Cbc', () => {
  // RFC 2268, section 5: those whose key is as long as its effective length.
  it.each([
    ['ffffffffffffffff', 'ffffffffffffffff', '278b27e42e2f0d49'],
    ['3000000000000000', '1000000000000001', '30649edf9be7d2c2'],
    ['88bca90e90875a7f0f79c384627bafb2', '0000000000000000', '2269552ab0f85ca6'],
  ])('decrypts the example with the key %s', (key, plain, encrypted) => {
    const decrypted = decryptRc2Cbc(Buffer.from(key, 'hex'), Buffer.alloc(8), Buffer.from(encrypted, 'hex'));
    expect(decrypted.toString('hex')).toBe(plain);
  });
});
