import type { UpstreamTrust } from '@app/config';
import { type Clock, sleep } from '@app/clock';
import { UpstreamUnavailableError } from '@app/problems';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { causeOf, TransportFailure, unreachable } from '../failures.js';
import { retryPause } from './retry-pause.js';

export interface ConnectorOptions {
  readonly url: URL;
  readonly trust: UpstreamTrust;
  readonly clock: Clock;
  readonly connectMs: number;
  readonly retryDelayMs: number;
}

const KEEP_ALIVE_AFTER_MS = 30_000;
const ATTEMPTS = 3;

/**
 * Makes every connection to upstream, for every HTTP library alike: a socket that comes out of here is connected and its certificate
 * is trusted, so whoever gets none has sent nothing.
 */
export class Connector {
  private readonly host: string;
  private readonly port: number;

  constructor(private readonly options: ConnectorOptions) {
    this.host = options.url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.port = Number(options.url.port || 443);
  }

  /**
   * A refused connection is tried again twice: nothing was sent, whatever was to be asked.
   *
   * @throws TransportFailure with `wasSent` false
   */
  async connect(): Promise<TLSSocket> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(await this.trustOptions());
      } catch (error) {
        if (!isRefused(error)) throw toFailure(error);
        if (attempt === ATTEMPTS) throw toFailure(error);
        await sleep(this.options.clock, retryPause(attempt, this.options.retryDelayMs));
      }
    }
  }

  private attempt(trust: ConnectionOptions): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...trust,
        host: this.host,
        port: this.port,
        // A server name must not be an address (RFC 6066, section 3).
        servername: isIP(this.host) ? '' : this.host,
        ALPNProtocols: ['http/1.1'],
      });
      // Between here and the HTTP library's own listeners an error must not be an uncaught one.
      socket.on('error', reject);
      socket.once('close', () => {
        reject(new ConnectionError('closed during the handshake', 'ECONNRESET'));
      });
      const cancel = this.options.clock.schedule(() => {
        socket.destroy(new ConnectionError('connect timed out', CONNECT_TIMEOUT));
      }, this.options.connectMs);
      socket.once('close', cancel);
      socket.once('secureConnect', () => {
        cancel();
        if (!this.hasPinnedCertificate(socket)) {
          socket.destroy(new ConnectionError('the certificate is not the pinned one', UNTRUSTED));
          return;
        }
        socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
        socket.setNoDelay(true);
        resolve(socket);
      });
    });
  }

  private async trustOptions(): Promise<ConnectionOptions> {
    const { trust } = this.options;
    switch (trust.kind) {
      case 'system':
        return { rejectUnauthorized: true };
      case 'ca':
        // Read at each connection, so that a renewed CA needs no restart.
        return { rejectUnauthorized: true, ca: await readFile(trust.caFile) };
      case 'fingerprint': // The pin alone decides, see hasPinnedCertificate.
      case 'dangerously-skip':
        return { rejectUnauthorized: false };
    }
  }

  private hasPinnedCertificate(socket: TLSSocket): boolean {
    const { trust } = this.options;
    if (trust.kind !== 'fingerprint') return true;
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && createHash('sha256').update(certificate.raw).digest('hex') === trust.sha256;
  }
}

const CONNECT_TIMEOUT = 'UPSTREAM_CONNECT_TIMEOUT';
const UNTRUSTED = 'UPSTREAM_FINGERPRINT_MISMATCH';

class ConnectionError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

function isRefused(error: unknown): boolean {
  return causeOf(error).code === 'ECONNREFUSED';
}

function toFailure(error: unknown): TransportFailure {
  const cause = causeOf(error);
  const { code = '' } = cause;
  if (code === UNTRUSTED || /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    const message = 'The certificate of the backup server is not trusted.';
    return new TransportFailure(new UpstreamUnavailableError(message, { cause }), false, false);
  }
  return unreachable(cause, code === CONNECT_TIMEOUT || code === 'ECONNRESET' || code === 'ETIMEDOUT');
}
