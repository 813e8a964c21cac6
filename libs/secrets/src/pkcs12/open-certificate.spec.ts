import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

import { type CertificateFacts, openCertificate } from './open-certificate.js';
import { Pkcs12Error } from './pkcs12-error.js';

const PASSWORD = 'opensesame';

/** See make.sh beside them. */
function pfx(name: string): Buffer {
  return readFileSync(join(__dirname, '../../spec-support/pkcs12', `${name}.pfx`));
}

describe('openCertificate', () => {
  it.each([
    ['modern', 'AES-256, SHA-256', 'RSA'],
    ['triple-des', '3DES, SHA-1', 'RSA'],
    ['rc2-40', 'RC2 of 40 bits and 3DES', 'RSA'],
    ['rc2-128', 'RC2 of 128 bits', 'RSA'],
    ['ec', 'an EC key', 'EC'],
    ['aes-128', 'AES-128, AES-192 and a MAC by SHA-512', 'EC'],
  ])('opens a file like %s: %s', (name, _, keyType) => {
    const facts = openCertificate(pfx(name), PASSWORD);
    const subject = `O=Contoso, CN=restore ${keyType.toLowerCase()}`;
    expect(facts).toMatchObject({ subject, issuer: subject, keyType });
    expect(facts.thumbprint).toMatch(/^[0-9A-F]{40}$/);
    expect(facts.thumbprintSha256).toMatch(/^[0-9A-F]{64}$/);
    expect(facts.notAfter.getTime() - facts.notBefore.getTime()).toBe(36_500 * 86_400_000);
  });

  it('finds the same certificate in it, however it is protected', () => {
    const thumbprints = ['modern', 'triple-des', 'rc2-40', 'rc2-128'].map(
      (name) => openCertificate(pfx(name), PASSWORD).thumbprint,
    );
    expect(new Set(thumbprints).size).toBe(1);
  });

  it.each([
    ['modern', 'another password', 'wrong', 'cannot be opened with its password'],
    ['rc2-40', 'another password', 'Opensesame', 'cannot be opened with its password'],
    ['no-key', 'no private key', PASSWORD, 'must hold a private key'],
    ['no-certificate', 'no certificate', PASSWORD, 'must hold a certificate'],
    ['unprotected', 'no MAC', 'wrong', 'cannot be opened with its password'],
    ['unprotected', 'a password, and none is given', '', 'cannot be opened without a password'],
    ['modern', 'a password, and none is given', '', 'cannot be opened without a password'],
    ['empty-password', 'no password, and one is given', PASSWORD, 'cannot be opened with its password'],
    ['null-password-no-mac', 'no password, and one is given', PASSWORD, 'cannot be opened with its password'],
    ['no-mac-no-encryption', 'nothing protected', PASSWORD, 'must have a password, or be said to have none'],
    ['rc4', 'a stream cipher', PASSWORD, /^must be protected in a way that is known here, .* 1.2.840.113549.1.12.1.1$/],
  ])('refuses a file like %s: %s', (name, _, password, rule) => {
    expect(() => openCertificate(pfx(name), password)).toThrow(rule);
    expect(() => openCertificate(pfx(name), password)).toThrow(Pkcs12Error);
  });

  it.each([
    ['empty-password', 'as OpenSSL and Azure Key Vault write it', true],
    ['empty-password-aes', 'as it is written today', true],
    ['null-password', 'of no octet at all', true],
    ['empty-password-no-mac', 'and without a MAC', false],
    ['null-password-no-mac', 'of no octet at all, and without a MAC', false],
    ['no-mac-no-encryption', 'where nothing is protected', false],
  ])('opens a file with an empty password like %s: %s', (name, _, hasMac) => {
    expect(openCertificate(pfx(name), '')).toMatchObject({ subject: 'O=Contoso, CN=restore rsa', hasMac });
  });

  it.each([null, ''])('opens one that another library made with %j for a password', (password) => {
    const made = madeByForge();
    expect(openCertificate(toPfx(made.key, [made.certificate], password), '').subject).toBe('CN=made by forge');
  });

  it('opens a file without a MAC whose key opens with its password, and tells', () => {
    expect(openCertificate(pfx('unprotected'), PASSWORD)).toMatchObject({ keyType: 'RSA', hasMac: false });
    expect(openCertificate(pfx('modern'), PASSWORD)).toMatchObject({ hasMac: true });
  });

  it('refuses a file without a MAC whose key is that of another certificate', () => {
    const [one, other] = [madeByForge(), madeByForge()];
    const file = toPfx(one.key, [other.certificate], 'secret', { useMac: false });
    expect(() => openCertificate(file, 'secret')).toThrow('must hold the certificate of its private key');
  });

  it.each([
    ['unprotected', PASSWORD],
    ['no-mac-no-encryption', ''],
  ])(
    'opens %s with an octet changed as the certificate it was, or as one that somebody else signed',
    (name, password) => {
      const whole = pfx(name);
      const { thumbprint } = openCertificate(whole, password);
      for (let index = 0; index < whole.length; index += 7) {
        const changed = Buffer.from(whole);
        changed[index] = (whole[index] ?? 0) ^ 0x21;
        const facts = factsOrRefusal(() => openCertificate(changed, password));
        expect(facts).not.toBe('broken');
        if (typeof facts === 'object' && facts.issuer === facts.subject) expect(facts.thumbprint).toBe(thumbprint);
      }
    },
  );

  it('opens a file that another library made', () => {
    const made = madeByForge();
    expect(openCertificate(toPfx(made.key, [made.certificate]), 'pässwörd 🔑').subject).toBe('CN=made by forge');
  });

  it('takes the certificate of the key among those of its issuers', () => {
    const [made, issuer] = [madeByForge(), madeByForge('the issuer')];
    const file = toPfx(made.key, [issuer.certificate, made.certificate]);
    expect(openCertificate(file, 'pässwörd 🔑').subject).toBe('CN=made by forge');
  });

  it('refuses the key of another certificate', () => {
    const [one, other] = [madeByForge(), madeByForge()];
    const file = toPfx(one.key, [other.certificate]);
    expect(() => openCertificate(file, 'pässwörd 🔑')).toThrow('must hold the certificate of its private key');
  });

  it.each([PASSWORD, ''])('refuses ten million rounds of key derivation, and at once, for %j', (password) => {
    const began = performance.now();
    expect(() => openCertificate(pfx('ten-million-rounds'), password)).toThrow('rounds of key derivation');
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('refuses a file that is cut off, wherever that is', () => {
    const whole = pfx('ec');
    for (let length = 0; length < whole.length; length++) {
      expect(() => openCertificate(whole.subarray(0, length), PASSWORD)).toThrow('is cut off or damaged');
    }
    expect(() => openCertificate(Buffer.concat([whole, Buffer.of(0)]), PASSWORD)).toThrow('is cut off or damaged');
  });

  it('refuses or opens a file with any one octet changed, and does not break', () => {
    const whole = pfx('ec');
    for (let index = 0; index < whole.length; index++) {
      const changed = Buffer.from(whole);
      changed[index] = (whole[index] ?? 0) ^ 0x21;
      expect(refusalOf(() => openCertificate(changed, PASSWORD))).not.toBe('broken');
    }
  });

  it.each([1, 100, 128 * 1024, 10 * 1024 * 1024])('refuses %d bytes of noise, and at once', (bytes) => {
    const began = performance.now();
    const noise = randomBytes(bytes);
    noise.write('\x30\x80', 'latin1');
    expect(refusalOf(() => openCertificate(noise, PASSWORD))).toBe('refused');
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('refuses elements nested without end', () => {
    expect(() => openCertificate(Buffer.alloc(131_072, Buffer.of(0x30, 0x80)), PASSWORD)).toThrow(
      'is cut off or damaged',
    );
  });
});

function factsOrRefusal(open: () => CertificateFacts): CertificateFacts | 'refused' | 'broken' {
  try {
    return open();
  } catch (error) {
    return error instanceof Pkcs12Error ? 'refused' : 'broken';
  }
}

function refusalOf(open: () => unknown): 'opened' | 'refused' | 'broken' {
  try {
    open();
    return 'opened';
  } catch (error) {
    return error instanceof Pkcs12Error ? 'refused' : 'broken';
  }
}

interface Made {
  readonly key: forge.pki.rsa.PrivateKey;
  readonly certificate: forge.pki.Certificate;
}

function madeByForge(name = 'made by forge'): Made {
  const { privateKey, publicKey } = forge.pki.rsa.generateKeyPair(1024);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.validity.notBefore = new Date('2026-01-01');
  certificate.validity.notAfter = new Date('2027-01-01');
  certificate.setSubject([{ name: 'commonName', value: name }]);
  certificate.setIssuer(certificate.subject.attributes);
  certificate.sign(privateKey, forge.md.sha256.create());
  return { key: privateKey, certificate };
}

function toPfx(
  key: forge.pki.rsa.PrivateKey,
  certificates: forge.pki.Certificate[],
  password: string | null = 'pässwörd 🔑',
  options: { useMac?: boolean; count?: number } = {},
): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(key, certificates, password, { algorithm: '3des', ...options });
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
}
