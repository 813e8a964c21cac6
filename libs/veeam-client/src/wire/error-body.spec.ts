import { Scrubber, Secret } from '@app/secrets';
import { readErrorBody } from './error-body.js';

function knowing(value: string): Scrubber {
  const scrubber = new Scrubber();
  scrubber.register(new Secret(value));
  return scrubber;
}

describe('readErrorBody', () => {
  it.each([
    ['{"message":"Restore session cannot be created."}', undefined, 'Restore session cannot be created.'],
    ['{"errorCode":"ProxyOffline","message":"m","stackTrace":"at X"}', 'ProxyOffline', 'm'],
    ['{"ErrorCode":null,"Message":"m"}', undefined, 'm'],
    ['{"error":"invalid_grant","error_description":"no such user"}', 'invalid_grant', 'no such user'],
    ['', undefined, undefined],
    ['  \n', undefined, undefined],
    ['{}', undefined, undefined],
    ['{"message":{"deep":true}}', undefined, undefined],
    ['[1]', undefined, undefined],
    ['<html><b>Bad Gateway</b></html>', undefined, '(31 characters that are not JSON)'],
    ['"text"', undefined, '(6 characters that are not JSON)'],
    ['{"message":', undefined, '(11 characters that are not JSON)'],
  ])('reads %j', (text, code, message) => {
    expect(readErrorBody(text, new Scrubber())).toEqual({ code, message });
  });

  it.each([
    ['plain', 'cannot use pa"ss wörd'],
    ['JSON-escaped', 'cannot use pa\\"ss wörd'],
    ['URL-encoded', `cannot use ${encodeURIComponent('pa"ss wörd')}`],
    ['as a form sends it', 'cannot use pa%22ss+w%C3%B6rd'],
    ['in base64', `cannot use ${Buffer.from('pa"ss wörd').toString('base64')}`],
  ])('scrubs what was sent, %s', (_, message) => {
    const read = readErrorBody(JSON.stringify({ message }), knowing('pa"ss wörd')).message;
    expect(read).toMatch(/^cannot use \[redacted\]/);
    expect(read).not.toMatch(/ss|w%C3/);
  });

  it('scrubs before it shortens, so that no beginning of a secret is left at the end', () => {
    const message = `${'x'.repeat(495)}${'secret'.repeat(10)}`;
    const read = readErrorBody(JSON.stringify({ message }), knowing('secret'.repeat(10))).message;
    expect(read).toBe(`${'x'.repeat(495)}[reda`);
  });
});
