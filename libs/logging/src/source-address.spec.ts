import { sourceAddressOf } from './source-address.js';

describe('sourceAddressOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.7:50123', '192.0.2.7'],
    ['[2001:db8::1]:50123', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('writes %s as %s', (text, address) => {
    expect(sourceAddressOf(text)).toBe(address);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.7, 192.0.2.8',
    '[]:1',
    '<script>',
    '1'.repeat(10_000),
  ])('takes %s for no address', (text) => {
    expect(sourceAddressOf(text)).toBeUndefined();
  });

  it('says nothing of a connection that is gone', () => {
    expect(sourceAddressOf(undefined)).toBeUndefined();
  });
});
