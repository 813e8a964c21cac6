import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  isFresh,
  makeApplicationCertificate,
  makeServerCertificate,
  toPfx,
  type KeyAndCertificate,
} from './certificates.js';

/** The files a sandbox keeps between its runs: certificates and passwords are made once. */
export interface DataFolder {
  readonly productionDir: string;
  readonly sampleFilesDir: string;
  readonly sampleHistoryDir: string;
  readonly caFile: string;
  readonly server: KeyAndCertificate;
  readonly applicationId: string;
  /** PEM. */
  readonly applicationCertificate: string;
  readonly certificateFile: string;
  readonly certificatePassword: string;
  readonly certificatePasswordFile: string;
  readonly password: string;
  readonly passwordFile: string;
  readonly restorePassword: string;
  readonly restorePasswordFile: string;
}

/** @param given what the caller brought; it is not kept, but the files say the same. */
export async function openDataFolder(
  dataDir: string,
  given: { tls?: KeyAndCertificate | undefined; password?: string | undefined },
): Promise<DataFolder> {
  const at = (...parts: string[]): string => resolve(join(dataDir, ...parts));
  mkdirSync(at('production'), { recursive: true });
  const write = (file: string, text: string | Buffer): void => {
    writeFileSync(file, text, { mode: 0o600 });
  };
  const keep = (name: string, make: () => string): string => {
    if (!existsSync(at(name))) write(at(name), make());
    return readFileSync(at(name), 'utf8');
  };
  const newPassword = (): string => randomBytes(18).toString('base64url');

  const certificatePassword = keep('application.pfx.password', newPassword);
  const restorePassword = keep('restore.password', newPassword);
  if (given.password !== undefined) write(at('veeam.password'), given.password);
  const [server, application] = await Promise.all([
    given.tls ?? keepPair('server', makeServerCertificate),
    keepPair('application', makeApplicationCertificate),
  ]);
  write(at('ca.pem'), server.certificate);
  if (!existsSync(at('application.pfx'))) write(at('application.pfx'), toPfx(application, certificatePassword));

  return {
    productionDir: at('production'),
    sampleFilesDir: at('files'),
    sampleHistoryDir: at('history'),
    caFile: at('ca.pem'),
    server,
    applicationId: keep('application.id', randomUUID),
    applicationCertificate: application.certificate,
    certificateFile: at('application.pfx'),
    certificatePassword,
    certificatePasswordFile: at('application.pfx.password'),
    password: keep('veeam.password', newPassword),
    passwordFile: at('veeam.password'),
    restorePassword,
    restorePasswordFile: at('restore.password'),
  };

  async function keepPair(name: string, make: () => Promise<KeyAndCertificate>): Promise<KeyAndCertificate> {
    const [keyFile, certificateFile] = [at(`${name}.key.pem`), at(`${name}.certificate.pem`)];
    if (existsSync(keyFile) && existsSync(certificateFile)) {
      const kept = { key: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') };
      if (isFresh(kept.certificate)) return kept;
    }
    const made = await make();
    write(keyFile, made.key);
    write(certificateFile, made.certificate);
    if (name === 'application') write(at('application.pfx'), toPfx(made, certificatePassword));
    return made;
  }
}
