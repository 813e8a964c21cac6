import { ManualClock, SystemClock } from '@app/clock';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { checkCertificate } from './certificate.js';
import { SecretSource, SecretSourceError } from './secret-source.js';
import { Secret } from './secret.js';

const DAY_MS = 86_400_000;
const folder = join(__dirname, '../spec-support/pkcs12');
const password = new Secret('opensesame');

describe('checkCertificate', () => {
  let certificate: Secret;
  let notBefore: number;
  let notAfter: number;

  beforeAll(async () => {
    const source = SecretSource.file(join(folder, 'modern.pfx'), 'pfx');
    await source.load();
    certificate = source.current;
    const facts = await checkCertificate(certificate, password, new SystemClock());
    notBefore = facts.notBefore.getTime();
    notAfter = facts.notAfter.getTime();
  });

  it('tells what it is', async () => {
    expect(await checkCertificate(certificate, password, new ManualClock(notBefore))).toMatchObject({
      subject: 'O=Contoso, CN=restore rsa',
      keyType: 'RSA',
      notBefore: new Date(notBefore),
    });
  });

  it.each([
    ['not yet valid', () => notBefore - 1, /^is not valid before 20/],
    ['expired', () => notAfter + 1, /^has expired at 21/],
  ])('refuses one that is %s by the clock', async (_, now, rule) => {
    await expect(checkCertificate(certificate, password, new ManualClock(now()))).rejects.toThrow(rule);
  });

  it('takes it until its last moment', async () => {
    const facts = await checkCertificate(certificate, password, new ManualClock(notAfter - DAY_MS));
    expect(facts.notAfter.getTime()).toBe(notAfter);
  });

  it('refuses what it cannot open, and says why in words without the password', async () => {
    const wrong = new Secret('not the password');
    const refusal: unknown = await checkCertificate(certificate, wrong, new SystemClock()).catch(
      (error: unknown) => error,
    );
    expect(refusal).toEqual(new SecretSourceError('cannot be opened with its password'));
  });

  it('leaves this thread free meanwhile, and gives up when it takes too long', async () => {
    const file = await readFile(join(folder, 'modern.pfx'));
    const timer = new ManualClock();
    const checking = checkCertificate(new Secret(file.toString('base64')), password, new ManualClock(notBefore), timer);
    await timer.advance(10_000);
    await expect(checking).rejects.toThrow('must not take more than 10 s to be opened');
  });
});
