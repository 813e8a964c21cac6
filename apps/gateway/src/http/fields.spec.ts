import { ValidationFailedError } from '@app/problems';
import fc from 'fast-check';

import { BodyText, Flag, HeaderText, MailAddress, OneOf, Reason, ResourceId, SessionId } from './fields.js';
import { validateAs } from './validation.js';

const described = { description: 'x', optional: true } as const;

class SampleDto {
  @ResourceId(described) id?: string;
  @SessionId(described) sid?: string;
  @MailAddress(described) mail?: string;
  @HeaderText(20, described) header?: string;
  @BodyText(20, described) body?: string;
  @Reason() reason?: string;
  @OneOf(['last', 'all'], { ...described, default: 'last' }) word?: string;
  @Flag({ ...described, default: false }) flag?: boolean;
}

function faultsOf(plain: object): string[] {
  try {
    validateAs(SampleDto, plain);
    return [];
  } catch (error) {
    if (error instanceof ValidationFailedError) {
      return error.errors.map(({ field }) => field);
    }
    throw error;
  }
}

const guid = '61954db6-7278-4d26-86f7-888bda5a4ec4';

describe('The kinds of field', () => {
  it.each([
    ['id', ['a', guid + guid, 'AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==', 'a/b+c=_-', 'x'.repeat(256)]],
    ['sid', [guid, guid.toUpperCase()]],
    ['mail', ["o'brien@contoso.com", 'r.clark@bestsupport.onmicrosoft.com', 'a+b_c-d@x1.example', 'a@b.xn--p1ai']],
    ['header', ['x', 'Grüße, 你好 👩‍💻', 'a'.repeat(20), '😀'.repeat(20)]],
    ['body', ['', 'a\r\n\tb', '😀'.repeat(20)]],
    ['reason', ['Ticket 4711', 'x'.repeat(500)]],
    ['word', ['last', 'all']],
    ['flag', [true, false]],
  ])('%s takes what it is for', (name, values: unknown[]) => {
    for (const value of values) {
      expect([value, faultsOf({ [name]: value })]).toEqual([value, []]);
    }
  });

  const noStrings = [null, 1, true, {}, [], ['a'], [guid], ['a@b.example']];
  const lineBreaks = [
    'a\rb',
    'a\nb',
    'a\r\nBcc: x',
    'a\u0000',
    'a\u0085b',
    'a\u2028b',
    'a\u2029b',
    'a\u007f',
    'a\u001b[2J',
  ];

  it.each([
    ['id', [...noStrings, '', '..', 'a.b', '%2e', 'a%2fb', 'a b', 'a\n', 'a\u0000', '\u212a', 'x'.repeat(257)]],
    ['sid', [...noStrings, '', 'x', `${guid}\n`, ` ${guid}`, `{${guid}}`, guid.replaceAll('-', ''), guid + guid]],
    [
      'mail',
      [
        ...noStrings,
        '',
        'a',
        'a@b',
        '@b.example',
        'a@.example',
        'a@b..example',
        'a@b.example.',
        'a@-b.example',
        'a@b-.example',
        'a@1.2.3.4',
        'a@[1.2.3.4]',
        '.a@b.example',
        'a.@b.example',
        'a..b@b.example',
        'a@b@c.example',
        'a@b.example,c@d.example',
        'a@b.example;c@d.example',
        'a@b.example c@d.example',
        'a@b.example\r\nBcc: c@d.example',
        'a@b.example\n',
        'a\u0000@b.example',
        'Ann <a@b.example>',
        '<a@b.example>',
        '"a"@b.example',
        'a(c)@b.example',
        'a%c.example@b.example',
        'c.example!a@b.example',
        'ä@b.example',
        'a@bücher.example',
        `${'a'.repeat(65)}@b.example`,
        `a@${'b'.repeat(64)}.example`,
        `a@${'bcdefg.'.repeat(40)}example`,
      ],
    ],
    ['header', [...noStrings, '', 'x'.repeat(21), 'a\tb', '\u202egpj.exe', ...lineBreaks]],
    ['body', [...noStrings, 'x'.repeat(21), 'a\u0000', 'a\u001b[2J', 'a\u0085']],
    ['reason', [...noStrings, '', ' ', 'x'.repeat(501), ...lineBreaks]],
    ['word', [...noStrings, '', 'Last', 'ALL', 'none', ['last'], 'la\u017ft']],
    ['flag', [null, 0, 1, '', 'true', {}, []]],
  ])('%s refuses anything else', (name, values: unknown[]) => {
    for (const value of values.filter((value) => name !== 'flag' || typeof value !== 'boolean')) {
      expect([value, faultsOf({ [name]: value })]).toEqual([value, [name]]);
    }
  });

  it('says what is right and never what was sent', () => {
    const sent = 's3cret\r\n';
    try {
      validateAs(SampleDto, {
        id: sent,
        sid: sent,
        mail: sent,
        header: sent,
        body: '\0s3cret',
        reason: sent,
        word: sent,
      });
      throw new Error('accepted');
    } catch (error) {
      expect(error).toBeInstanceOf(ValidationFailedError);
      expect(JSON.stringify(error) + String(error)).not.toContain('s3cret');
      expect((error as ValidationFailedError).errors).toHaveLength(7);
    }
  });

  it('takes one mailbox only, whatever is written around it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (noise) => {
        fc.pre(/[^A-Za-z0-9#&'+_~=.@-]/.test(noise));
        expect(faultsOf({ mail: `a@b.example${noise}` })).toEqual(['mail']);
        expect(faultsOf({ mail: `${noise}a@b.example` })).toEqual(['mail']);
      }),
    );
  });

  it('decides on hostile lengths at once', () => {
    const started = process.hrtime.bigint();
    for (const value of [
      'a.'.repeat(30_000),
      `${'a'.repeat(60_000)}@`,
      `a@${'a-'.repeat(30_000)}`,
      ' '.repeat(60_000),
    ]) {
      faultsOf({ id: value, mail: value, header: value, body: value, reason: value });
    }
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
  });
});

describe('Faults of a DTO', () => {
  it('name what is unknown, twenty times at most', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`, index]));
    const fields = faultsOf({ ...unknown, word: 'last' });
    expect(fields).toHaveLength(21);
    expect(fields[0]).toBe('k0');
  });

  it('show unknown names bounded and printable', () => {
    expect(faultsOf({ '\u212aind': 1 })).toEqual(['\\u212aind']);
    expect(faultsOf({ ['x'.repeat(10_000)]: 1 })[0]?.length).toBeLessThanOrEqual(64);
  });
});
