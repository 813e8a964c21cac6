import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

export interface SmtpSink {
  readonly host: string;
  readonly port: number;
  readonly mailDir: string;
  close(): Promise<void>;
}

export interface SmtpSinkOptions {
  /** Every mail becomes one `.eml` file here, named by time of arrival. */
  readonly mailDir: string;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A mail server that takes every mail and delivers none. */
export async function startSmtpSink({ mailDir, host = '127.0.0.1', port = 0 }: SmtpSinkOptions): Promise<SmtpSink> {
  await mkdir(mailDir, { recursive: true });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData(stream, _session, callback) {
      keep(stream, mailDir).then(() => {
        callback();
      }, callback);
    },
  });
  // A client that vanished in the middle of a mail is no reason to stop.
  server.on('error', () => undefined);
  const listening = server.listen(port, host);
  await once(listening, 'listening');
  return {
    host,
    port: (listening.address() as AddressInfo).port,
    mailDir,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  };
}

/** A reader of the folder never sees half a mail. */
async function keep(stream: SMTPServerDataStream, mailDir: string): Promise<void> {
  const name = `${new Date().toISOString().replaceAll(':', '-')}-${randomUUID().slice(0, 8)}`;
  const unfinished = join(mailDir, `.${name}.part`);
  await pipeline(stream, createWriteStream(unfinished));
  await rename(unfinished, join(mailDir, `${name}.eml`));
}
