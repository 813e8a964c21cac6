import { UpstreamBrokenError } from '@app/problems';
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { ReceivedBody } from './received-body.js';

describe('ReceivedBody', () => {
  it('counts and hashes what came, however it was cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        const all = Buffer.concat(chunks);
        const body = new ReceivedBody(all.length, false);
        for (const chunk of chunks) body.push(Buffer.from(chunk));
        expect(body.close()).toEqual({
          bytes: all.length,
          sha256: createHash('sha256').update(all).digest('hex'),
        });
      }),
    );
  });

  it('refuses the first chunk that goes past the announced length', () => {
    const body = new ReceivedBody(4, false);
    body.push(Buffer.from('four'));
    expect(() => {
      body.push(Buffer.from('5'));
    }).toThrow(UpstreamBrokenError);
  });

  it('refuses to end short of the announced length', () => {
    const body = new ReceivedBody(4, false);
    body.push(Buffer.from('fou'));
    expect(() => body.close()).toThrow(UpstreamBrokenError);
  });

  it.each([undefined, 6])('looks for the end of a ZIP, also when a length of %s was announced and kept', (length) => {
    const zip = new ReceivedBody(length, true);
    zip.push(Buffer.from('no ZIP'));
    expect(() => zip.close()).toThrow(UpstreamBrokenError);

    const document = new ReceivedBody(length, false);
    document.push(Buffer.from('no ZIP'));
    expect(() => document.close()).not.toThrow();
  });
});
