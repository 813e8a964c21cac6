import { readFile } from 'node:fs/promises';
import { connect as connectPlain, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';

import type { AuditSink, SinkLine } from './audit-sink.js';
import { syslogFrame, syslogHostName } from './syslog-message.js';

export interface SyslogSinkOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `tls` is RFC 5425; `tcp` sends everything in the clear. */
  readonly transport: 'tls' | 'tcp';
  /** PEM file of the CA that the receiver's certificate must come from; read for each connection. The CAs of Node.js when absent. */
  readonly caFile: string | undefined;
}

/**
 * Sends syslog messages. Syslog has no acknowledgement, and what the operating system has taken may still get lost; so each delivery
 * has a connection of its own, and counts once the receiver, having been told that there is no more, has closed it in its turn:
 * whoever has not read everything resets it instead.
 */
export class SyslogSink implements AuditSink {
  readonly name: string;
  private readonly hostName = syslogHostName(hostname());

  constructor(private readonly options: SyslogSinkOptions) {
    this.name = options.name;
  }

  async deliver(lines: readonly SinkLine[], signal: AbortSignal): Promise<void> {
    const frames = Buffer.from(lines.map((line) => syslogFrame(line, this.hostName)).join(''));
    const socket = await this.open();
    const give = () => {
      socket.destroy(signal.reason as Error);
    };
    signal.addEventListener('abort', give, { once: true });
    if (signal.aborted) give();
    try {
      await this.send(socket, frames);
    } finally {
      signal.removeEventListener('abort', give);
      socket.destroy();
    }
  }

  private async open(): Promise<Socket> {
    const { host, port, transport, caFile } = this.options;
    if (transport === 'tcp') return connectPlain({ host, port });
    const ca = caFile === undefined ? undefined : await readFile(caFile);
    return connectTls({ host, port, ...(ca && { ca }), minVersion: 'TLSv1.2' });
  }

  private send(socket: Socket, frames: Buffer): Promise<void> {
    const ready = this.options.transport === 'tls' ? 'secureConnect' : 'connect';
    return new Promise((resolve, reject) => {
      let isSent = false;
      socket.once('error', reject);
      socket.once(ready, () => {
        // A receiver whose certificate was refused never gets here.
        socket.end(frames, () => {
          isSent = true;
        });
      });
      socket.once('end', () => {
        if (isSent) resolve();
        else reject(new Error('The receiver closed before everything was sent.'));
      });
      socket.once('close', () => {
        reject(new Error('The connection to the receiver broke.'));
      });
      // What a receiver says is nothing to us, but its end has to be noticed.
      socket.resume();
    });
  }
}
