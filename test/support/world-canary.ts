import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { Configuration } from '@app/config';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import type { SsoSandbox } from '../../apps/sso-sandbox/src/index.js';
import type { ReceivedRequest, VeeamSandbox } from '../../apps/veeam-sandbox/src/index.js';
import { Canary, type Sink } from './canary.js';
import type { TestDatabase } from './test-database.js';

/** Who holds the secrets of a world. */
interface Holders {
  readonly sso: SsoSandbox;
  readonly veeam: VeeamSandbox;
  readonly database: TestDatabase;
  /** Of the account that the backup server sends its mails by. */
  readonly mailPassword: string;
}

/** Every secret there is among them from the start, and all that upstream and the database get. */
export async function canaryOf({ sso, veeam, database, mailPassword }: Holders): Promise<Canary> {
  const canary = new Canary();
  canary.knows('the restore password', veeam.restorePassword, 'upstream-action');
  canary.knows('the certificate', (await readFile(veeam.certificateFile)).toString('base64'), 'upstream-action');
  canary.knows('the password of the certificate', veeam.certificatePassword, 'upstream-action');
  canary.knows('the mail password', mailPassword, 'upstream-mail');
  for (const url of [database.url, database.ownerUrl]) canary.knows('a database password', new URL(url).password);

  const token = sso.token.bind(sso);
  Object.defineProperty(sso, 'token', {
    value: async (...asked: Parameters<SsoSandbox['token']>) => {
      const issued = await token(...asked);
      // The signature makes it a token; the rest is no secret.
      canary.knows("a caller's token", issued.slice(issued.lastIndexOf('.') + 1));
      return issued;
    },
  });
  watchBackupServer(canary, veeam);
  canary.watchDatabase(database.ownerUrl);
  canary.watch('openapi', () => readFile(join(__dirname, '../../openapi.json'), 'utf8'));
  return canary;
}

/** What the backup server issues are secrets, and what it gets is one sink or another. */
export function watchBackupServer(canary: Canary, { password, control }: VeeamSandbox): void {
  canary.knows('the Veeam password', password, 'upstream-login');
  control.onIssued((kind, value) => {
    if (kind === 'device-code') canary.knows('a device code', value, 'response', 'upstream-action', 'upstream');
    else canary.knows("a token of upstream's", value, 'upstream-login');
  });
  const received: ReceivedRequest[] = [];
  control.onReceived((request) => received.push(request));
  for (const sink of ['upstream-login', 'upstream-action', 'upstream-mail', 'upstream'] as const) {
    canary.watch(sink, () => JSON.stringify(received.filter((request) => sinkOf(request) === sink)));
  }
}

function sinkOf({ method, route, action }: ReceivedRequest): Sink {
  if (route === 'token') return 'upstream-login';
  if (method === 'PUT' && route?.endsWith('EmailSettings')) return 'upstream-mail';
  return action === 'restore' || action === 'copy' ? 'upstream-action' : 'upstream';
}

/**
 * Looks at the document that an application serves of itself, as it is, or as it was before it was closed.
 * @returns to be called before it is closed
 */
export function watchDocument(canary: Canary, app: NestFastifyApplication): () => Promise<void> {
  let isClosing = false;
  let document = '';
  const read = async () => {
    if (!isClosing) document = (await app.inject({ url: '/openapi.json' })).payload;
    return document;
  };
  canary.watch('openapi', read);
  return async () => {
    await read();
    isClosing = true;
  };
}

/** Looks at the files that the audit trail is pushed to, those included that were renamed since. */
export function watchAuditFiles(canary: Canary, { audit }: Pick<Configuration, 'audit'>): void {
  for (const sink of audit.sinks) {
    if (sink.kind !== 'file') continue;
    const folder = dirname(sink.path);
    canary.watch('audit-sink', async () => {
      const names = (await readdir(folder)).filter((name) => name.startsWith(basename(sink.path)));
      return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
    });
  }
}
