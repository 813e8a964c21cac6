import fc from 'fast-check';
import { Scrubber } from './scrubber.js';
import { Secret } from './secret.js';

const password = 'p4ss"w\\örd +/&<ß%';

function scrubberOf(...values: string[]): Scrubber {
  const scrubber = new Scrubber();
  for (const value of values) scrubber.register(new Secret(value));
  return scrubber;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const json = (text: string) => JSON.stringify(text).slice(1, -1);

describe('Scrubber', () => {
  it.each([
    ['plain', password],
    ['URL-encoded', encodeURIComponent(password)],
    ['URL-encoded in small letters', encodeURIComponent(password).replace(/%../g, (octet) => octet.toLowerCase())],
    ['form-encoded', new URLSearchParams({ p: password }).toString().slice(2)],
    ['JSON-escaped', json(password)],
    ['JSON-escaped twice', json(json(password))],
    ['JSON-escaped as ASCII', json(password).replace('ö', '\\u00f6').replace('ß', '\\u00df')],
    ['JSON-escaped by .NET', 'p4ss\\u0022w\\\\\\u00F6rd \\u002B/\\u0026\\u003C\\u00DF%'],
    ['hex', Buffer.from(password).toString('hex')],
    ['HEX', Buffer.from(password).toString('hex').toUpperCase()],
    ['base64', base64(password).replace(/=+$/, '')],
    ['base64url', Buffer.from(password).toString('base64url')],
  ])('redacts a secret in %s form', (_, form) => {
    const scrubbed = scrubberOf(password).scrub(`before ${form} after`);
    expect(scrubbed).toMatch(/^before \[redacted\].{0,2} after$/);
  });

  it.each(['', 'a', 'ab', 'abc'])('redacts base64 of the secret behind "%s"', (before) => {
    const scrubbed = scrubberOf(password).scrub(base64(`${before}${password}:more`));
    expect(scrubbed).toContain('[redacted]');
    expect(Buffer.from(scrubbed.split('[redacted]')[0] ?? '', 'base64').toString()).not.toContain('p4');
  });

  it('redacts the base64 of a basic authorization', () => {
    const scrubbed = scrubberOf(password).scrub(`Basic ${base64(`gateway:${password}`)}`);
    expect(scrubbed.startsWith(`Basic ${base64('gateway:').slice(0, 8)}`)).toBe(true);
    expect(scrubbed).toContain('[redacted]');
  });

  it('redacts the password of a URL wherever it stands alone', () => {
    const scrubber = scrubberOf('postgresql://gateway:s3cr%2Bet-word@db:5432/gateway');
    expect(scrubber.scrub('password s3cr+et-word or s3cr%2Bet-word for user gateway at db')).toBe(
      'password [redacted] or [redacted] for user gateway at db',
    );
  });

  it('redacts every occurrence of every secret, overlapping ones as one', () => {
    const scrubber = scrubberOf('abcdefgh', 'efghijkl', 'secret-2');
    expect(scrubber.scrub('abcdefghijkl, secret-2secret-2, efghijkl.')).toBe('[redacted], [redacted], [redacted].');
  });

  it('redacts a secret of several lines within a JSON line', () => {
    const scrubber = scrubberOf('first line\nsecond line');
    expect(scrubber.scrub(JSON.stringify({ msg: 'got first line\nsecond line' }))).toBe('{"msg":"got [redacted]"}');
  });

  it('leaves secrets of fewer than six characters alone', () => {
    expect(scrubberOf('12345').scrub('12345 MTIzNDU')).toBe('12345 MTIzNDU');
    expect(scrubberOf('123456').scrub('123456')).toBe('[redacted]');
  });

  it('forgets a secret when the last who registered it says so', () => {
    const scrubber = new Scrubber();
    const forgetFirst = scrubber.register(new Secret('one-time-code'));
    const forgetSecond = scrubber.register(new Secret('one-time-code'));
    forgetFirst();
    forgetFirst();
    expect(scrubber.scrub('one-time-code')).toBe('[redacted]');
    forgetSecond();
    expect(scrubber.scrub('one-time-code')).toBe('one-time-code');
  });

  it.each([
    ['Bearer abcdefghijklmnopqrstuvwxyz012345==', 'Bearer [redacted]'],
    ['authorization: bearer abc.def-ghi_jkl~mno+pqr/stu', 'authorization: bearer [redacted]'],
    ['a\\nBearer abcdefghijklmnop"', 'a\\nBearer [redacted]"'],
    ['token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl&x', 'token=[redacted]&x'],
    ['\\neyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9. end', '\\n[redacted] end'],
    ['eyJhbGciOiJSU0EifQ.abc.def.ghi.jkl', '[redacted]'],
  ])('redacts %s without knowing it', (text, expected) => {
    expect(new Scrubber().scrub(text)).toBe(expected);
  });

  it.each(['Bearer token required', 'Bearer realm="gateway", error="invalid_token"', 'eyJust.a word.', ''])(
    'leaves "%s" as it is',
    (text) => {
      expect(scrubberOf(password).scrub(text)).toBe(text);
    },
  );

  it('stays fast on text made to slow it down', () => {
    const scrubber = scrubberOf(password, 'aaaaaaaaaaaaaaaaaaaaaaaa');
    for (const piece of ['eyJ', 'eyJ.', 'Bearer ', 'aaaaaaa.', 'p4ss"']) {
      const text = piece.repeat(200_000 / piece.length);
      const started = performance.now();
      scrubber.scrub(text);
      expect(performance.now() - started).toBeLessThan(1_000);
    }
  });

  // The marker itself holds short words, which are no leak.
  const value = fc
    .string({ unit: 'grapheme', minLength: 6, maxLength: 40 })
    .filter((text) => !/[[\]]|redact/.test(text));
  const around = fc.string({ unit: 'grapheme', maxLength: 20 });

  it('lets no secret through, whatever it is and whatever surrounds it', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), around, around, (values, before, after) => {
        const scrubber = scrubberOf(...values);
        for (const secret of values) {
          for (const encode of [
            String,
            encodeURIComponent,
            json,
            (text: string) => Buffer.from(text).toString('hex'),
          ]) {
            expect(scrubber.scrub(before + encode(secret) + after)).not.toContain(encode(secret));
          }
        }
      }),
    );
  });

  it('lets no base64 of a secret through, whatever it is encoded with', () => {
    fc.assert(
      fc.property(value, around, around, fc.constantFrom('base64', 'base64url'), (secret, before, after, encoding) => {
        const encoded = Buffer.from(before + secret + after).toString(encoding);
        const left = scrubberOf(secret).scrub(encoded).replace('[redacted]', '');
        // All but the characters that share their bits with a neighbour is gone.
        expect(left.length).toBeLessThanOrEqual(encoded.length - Math.floor((Buffer.byteLength(secret) * 8) / 6) + 2);
      }),
    );
  });

  it('returns text without secrets unchanged', () => {
    fc.assert(
      fc.property(value, fc.stringMatching(/^[0-9 ,:{}]*$/), (secret, text) => {
        fc.pre(!text.includes(secret));
        expect(scrubberOf(secret).scrub(text)).toBe(text);
      }),
    );
  });
});
