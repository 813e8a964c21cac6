import * as fc from 'fast-check';
import { contentDisposition } from './content-disposition.js';

const HEADER = /^attachment; filename="([^"]*)"; filename\*=UTF-8''(.*)$/;

function names(fileName: string): { ascii: string; full: string } {
  const [, ascii = '', extended = ''] = HEADER.exec(contentDisposition(fileName)) ?? [];
  return { ascii, full: decodeURIComponent(extended) };
}

describe('contentDisposition', () => {
  it('gives the name twice, as ASCII and as UTF-8', () => {
    expect(contentDisposition('Bücher (neu).zip')).toBe(
      `attachment; filename="Bucher (neu).zip"; filename*=UTF-8''B%C3%BCcher%20%28neu%29.zip`,
    );
  });

  it.each([
    ['a right-to-left override that hides the extension', 'annual\u202Efdp.exe', 'annualfdp.exe'],
    ['bidi isolates, zero-width characters and a byte order mark', '\uFEFFa\u2066b\u2069\u200Bc.txt', 'abc.txt'],
    ['line breaks, which would split the header', 'a\r\nSet-Cookie: x=1.txt', 'aSet-Cookie_ x=1.txt'],
    ['NUL and other controls', 'a\u0000b\u007Fc\u0085.txt', 'abc.txt'],
    ['path separators', '../../etc/passwd', '_.._etc_passwd'],
    ['Windows path separators and drives', 'C:\\Windows\\win.ini', 'C__Windows_win.ini'],
    ['quotes and wildcards', 'a"b<c>d|e?f*g', 'a_b_c_d_e_f_g'],
    ['trailing dots and spaces', ' report.pdf. . ', 'report.pdf'],
    ['leading dots', '..bashrc', 'bashrc'],
    ['lone surrogates', 'a\uD800b\uDC00c.zip', 'abc.zip'],
    ['kinds of space', 'a\u00A0\u3000 b.zip', 'a b.zip'],
    ['a device name', 'CON', '_CON'],
    ['a device name with an extension', 'nul.tar.gz', '_nul.tar.gz'],
    ['a device name with a space before the extension', 'Com1 .txt', '_Com1 .txt'],
    ['a device name with a superscript digit', 'LPT\u00B9.txt', '_LPT\u00B9.txt'],
    ['a device name that only shows once it is cleaned', 'A\u200DUX.txt', '_AUX.txt'],
    ['nothing but what is cleaned away', ' .\u202E\u0000. ', 'download'],
    ['an empty name', '', 'download'],
    ['a name that merely begins like a device', 'console.log', 'console.log'],
    ['letters of every script', 'отчёт 報告 📄.docx', 'отчёт 報告 📄.docx'],
  ])('cleans %s', (_what, name, cleaned) => {
    expect(names(name).full).toBe(cleaned);
  });

  it.each([
    ['without accents', 'Čeština.txt', 'Cestina.txt'],
    ['with a placeholder for each other character', '報告📄.docx', '___.docx'],
    ['without percent escapes, which some browsers decode', '100%22.txt', '100_22.txt'],
    ['without what an accent was hiding', 'a\u226Eb\u0338.txt', 'a_b.txt'],
    ['without a device name that an accent was hiding', 'cön.txt', '_con.txt'],
  ])('falls back to ASCII %s', (_what, name, ascii) => {
    expect(names(name).ascii).toBe(ascii);
  });

  it('cuts a long name but keeps its extension and whole characters', () => {
    const { full } = names(`${'報'.repeat(300)}.docx`);
    expect(full).toBe(`${'報'.repeat(65)}.docx`);
  });

  it('cuts a long name that has no extension', () => {
    expect(names('x'.repeat(1000)).full).toHaveLength(200);
  });

  describe('for any name', () => {
    const anyName = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 }).map((units) => String.fromCharCode(...units)),
      fc
        .array(
          fc.constantFrom('con', 'NUL', 'cöm1', '.', ' ', '/', '\\', '"', '%', '\u202E', '\u00B2', 'é', '日', '\uD83D'),
        )
        .map((parts) => parts.join('')),
    );

    it('the header is one line of ASCII in the grammar of RFC 6266 and 8187', () => {
      fc.assert(
        fc.property(anyName, (name) => {
          expect(contentDisposition(name)).toMatch(
            /^attachment; filename="[\x20\x21\x23-\x5b\x5d-\x7e]+"; filename\*=UTF-8''(?:%[0-9A-F]{2}|[A-Za-z0-9!#$&+.^_`|~-])+$/,
          );
        }),
      );
    });

    it('both names are safe to create as a file anywhere', () => {
      fc.assert(
        fc.property(anyName, (name) => {
          for (const safe of Object.values(names(name))) {
            expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}<>:"/\\|?*]/u);
            expect(safe).not.toMatch(/^[. ]|[. ]$/);
            expect(safe).not.toMatch(/^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i);
            expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
          }
        }),
      );
    });

    it('a name that was cleaned once stays as it is', () => {
      fc.assert(
        fc.property(anyName, (name) => {
          const { full } = names(name);
          expect(names(full).full).toBe(full);
        }),
      );
    });
  });
});
