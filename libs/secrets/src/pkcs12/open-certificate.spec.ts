import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

import { openCertificate } from './open-certificate.js';
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
    ['unprotected', 'no MAC', PASSWORD, 'must have a MAC, which tells whether the password is right'],
    ['rc4', 'a stream cipher', PASSWORD, /^must be protected in a way that is known here, .* 1.2.840.113549.1.12.1.1$/],
  ])('refuses a file like %s: %s', (name, _, password, rule) => {
    expect(() => openCertificate(pfx(name), password)).toThrow(rule);
    expect(() => openCertificate(pfx(name), password)).toThrow(Pkcs12Error);
  });

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

  it('refuses ten million rounds of key derivation, and at once', () => {
    const began = performance.now();
    expect(() => openCertificate(pfx('ten-million-rounds'), PASSWORD)).toThrow('rounds of key derivation');
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

function toPfx(key: forge.pki.rsa.PrivateKey, certificates: forge.pki.Certificate[]): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(key, certificates, 'pässwörd 🔑', { algorithm: '3des' });
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
}
