import { ManualClock } from '@app/clock';
import { createLogger, Metrics } from '@app/logging';
import { Scrubber, Secret, SecretSource } from '@app/secrets';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import { type ApplicationProfile, CredentialCertificates } from './credential-certificates.js';
import { CredentialExpiry, daysUntil } from './credential-expiry.js';

const DAY = 86_400_000;
const fixtures = join(__dirname, '../../../../libs/secrets/spec-support/pkcs12');

async function profileWith(name: string): Promise<ApplicationProfile> {
  const base64 = (await readFile(join(fixtures, `${name}.pfx`))).toString('base64');
  const certificate = SecretSource.value('CERTIFICATE', new Secret(base64), 'pfx');
  const certificatePassword = SecretSource.value('PASSWORD', new Secret('opensesame'));
  await Promise.all([certificate.load(), certificatePassword.load()]);
  return {
    kind: 'application',
    name: 'contoso',
    organizations: ['contoso.onmicrosoft.com'],
    isDefault: true,
    actions: ['restore', 'copy'],
    region: undefined,
    applicationId: '6d1f4b1c-3c55-4d0e-9a35-0a54c1f0b001',
    certificate,
    certificatePassword,
  };
}

describe('CredentialExpiry', () => {
  const clock = new ManualClock(Date.UTC(2030));
  const metrics = new Metrics();
  let lines: { level: string; msg: string; expiresAt: string }[];
  let profile: ApplicationProfile;
  let certificates: CredentialCertificates;
  let expiry: CredentialExpiry;
  let notAfter: number;

  beforeAll(async () => {
    profile = await profileWith('modern');
    certificates = await CredentialCertificates.open({ credentialProfiles: [profile] }, clock);
    notAfter = certificates.of(profile)?.notAfter.getTime() ?? 0;
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(JSON.parse(chunk.toString()) as (typeof lines)[number]);
        done();
      },
    });
    const logger = createLogger({ level: 'info', scrubber: new Scrubber(), destination });
    expiry = new CredentialExpiry(certificates, metrics, { credentialProfiles: [profile] }, logger, clock);
    lines = [];
  });

  async function at(daysLeft: number): Promise<string[]> {
    await clock.advance(notAfter - daysLeft * DAY - clock.now());
    lines = [];
    expiry.look();
    expiry.look();
    return lines.map(({ msg }) => msg);
  }
  const days = async () =>
    /^credential_days_to_expiry\{profile="contoso"\} (.*)$/m.exec((await metrics.expose()).text)?.[1];

  it('warns once at 30, 14, 7 and 1 days, and tells once that it is over', async () => {
    const soon = ['the certificate of a credential profile expires soon'];
    expect(await at(31)).toEqual([]);
    expect(await days()).toBe('31');
    expect(await at(30)).toEqual(soon);
    expect(lines[0]?.expiresAt).toBe(new Date(notAfter).toISOString());
    expect(await at(14.5)).toEqual([]);
    expect(await at(14)).toEqual(soon);
    expect(await at(7)).toEqual(soon);
    expect(await at(1.1)).toEqual([]);
    expect(await days()).toBe('1');
    expect(await at(0.5)).toEqual(soon);
    expect(expiry.expired()).toEqual([]);
    expect(await at(-0.1)).toEqual(['the certificate of a credential profile has expired']);
    expect(await days()).toBe('-1');
    expect(expiry.expired()).toEqual(['contoso']);
    expect(await at(-20)).toEqual([]);
  });

  it('counts whole days, rounded down', () => {
    const now = new ManualClock(0);
    expect([1, DAY - 1, DAY, 0, -1].map((ms) => daysUntil(new Date(ms), now))).toEqual([0, 0, 1, 0, -1]);
  });
});
