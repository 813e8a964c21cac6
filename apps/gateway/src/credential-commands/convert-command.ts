import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';

import { SystemClock } from '@app/clock';
import { type CertificateFacts, checkCertificate, Secret, SecretSource } from '@app/secrets';

import { print, UsageError } from '../infrastructure/command-line.js';

/** What the vendor's recipe makes of a certificate, once it is known to be one that can be used. @throws SecretSourceError */
export async function convertCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'password-file': { type: 'string' }, 'no-password': { type: 'boolean', default: false } },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new UsageError('Which file?');
  const { 'password-file': passwordFile, 'no-password': hasNone } = values;
  if (hasNone && passwordFile !== undefined) throw new UsageError('Has the file a password, or has it none?');
  const certificate = await SecretSource.file(path, 'pfx').read();
  const password = hasNone ? new Secret('') : await passwordFrom(passwordFile);
  const facts = await checkCertificate(certificate, password, new SystemClock());
  for (const line of linesOf(facts)) process.stderr.write(`${line}\n`);
  // The one place where a certificate goes anywhere but upstream: it is what this command is for.
  print(certificate.expose());
  return 0;
}

function passwordFrom(file: string | undefined): Promise<Secret> {
  return file === undefined ? askedPassword() : SecretSource.file(file).read();
}

/** Never an argument, which others on the machine could see. */
async function askedPassword(): Promise<Secret> {
  const isTerminal = process.stdin.isTTY;
  if (isTerminal) process.stderr.write('Password of the file: ');
  // Somewhere to echo to that shows nothing.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: isTerminal });
  try {
    for await (const line of lines) if (line !== '') return new Secret(line);
    throw new UsageError('No password was given. A file that has none needs --no-password.');
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
}

function linesOf({
  subject,
  issuer,
  thumbprint,
  thumbprintSha256,
  keyType,
  notBefore,
  notAfter,
  hasMac,
}: CertificateFacts) {
  return [
    `subject             ${subject}`,
    `issuer              ${issuer}`,
    `thumbprint (SHA-1)  ${thumbprint}`,
    `SHA-256             ${thumbprintSha256}`,
    `key                 ${keyType}`,
    `valid               ${notBefore.toISOString()} to ${notAfter.toISOString()}`,
    `MAC                 ${hasMac ? 'yes' : 'none: nothing tells whether the file was changed'}`,
  ];
}
