import type { Clock } from '@app/clock';
import { HttpVersionNotSupportedError } from '@app/problems';
import type { SaveStream } from '@app/veeam-client';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { CallerConnection } from '../http/caller-connection.js';
import { HeldBackWriter } from './held-back-writer.js';
import { ReceivedBody } from './received-body.js';

export type DownloadResult = SucceededDownload | FailedDownload;

export interface SucceededDownload {
  readonly state: 'succeeded';
  readonly bytes: number;
  /** Lower-case hexadecimal, of all bytes. */
  readonly sha256: string;
}

export interface FailedDownload {
  readonly state: 'failed';
  /** Handed to the caller's connection so far; the caller need not have received them. */
  readonly bytes: number;
  /** `gateway`: it is stopping. `store`: the outcome could not be recorded. */
  readonly brokenBy: 'caller' | 'upstream' | 'gateway' | 'store';
  /** For the log. */
  readonly cause: Error;
}

export interface DownloadDelivery {
  readonly stream: SaveStream;
  readonly request: IncomingMessage;
  /** Nothing was written to it yet. It is left ended, or with its connection broken. */
  readonly response: ServerResponse;
  /** Beside those that every download carries. */
  readonly headers: Readonly<Record<string, string>>;
  /** Default `application/octet-stream`: never what upstream says, since nothing is to open a download by its type. */
  readonly contentType?: string;
  /** Aborted when the gateway breaks it off. */
  readonly brokenOff: AbortSignal;
  /** A body without a length is looked at for a ZIP's end. */
  readonly isZip: boolean;
  /** Called once nothing more will be thrown and the response is ours, just before its head goes out. */
  readonly onHead?: () => void;
  /** Records the outcome; called exactly once. Until it has resolved, the last bytes of a whole download are held back. */
  readonly finish: (result: DownloadResult) => Promise<void>;
  readonly clock: Clock;
  /** A caller who takes nothing for so many milliseconds is cut off; default 10 minutes. */
  readonly idleWriteMs?: number;
}

/**
 * Carries a download from upstream to the caller as fast as the caller takes it. One that is not whole never looks whole:
 * the connection is broken with the last bytes still held back. Resolves once the response is over.
 *
 * @throws HttpVersionNotSupportedError, with nothing sent, for a caller whose protocol cannot tell a cut from the end.
 */
export async function deliverDownload(delivery: DownloadDelivery): Promise<DownloadResult> {
  const { stream, request } = delivery;
  // Destroying a body emits an error, and not always while somebody else listens.
  stream.body.on('error', ignore);
  if (stream.contentLength === undefined && isBeforeHttp11(request)) {
    stream.body.destroy();
    const cause = new HttpVersionNotSupportedError(
      'The length of this download is not known beforehand, and over HTTP/1.0 you could not tell if it broke off.',
    );
    await record(delivery, { state: 'failed', bytes: 0, brokenBy: 'caller', cause });
    throw cause;
  }
  delivery.onHead?.();
  return carry(delivery, new CallerConnection(delivery));
}

async function carry(delivery: DownloadDelivery, connection: CallerConnection): Promise<DownloadResult> {
  const body = new ReceivedBody(delivery.stream.contentLength, delivery.isZip);
  const writer = new HeldBackWriter(delivery.response, body, connection);
  try {
    const outcome = await transfer(delivery, body, writer, connection.gone);
    if (outcome.state === 'failed') connection.break();
    const recorded = await record(delivery, outcome);
    if (recorded.state === 'failed') connection.break();
    else await connection.end(writer.lastChunk);
    return recorded;
  } finally {
    connection.leave();
  }
}

/** Everything but the last bytes. */
async function transfer(
  { stream, response, headers, contentType = 'application/octet-stream', brokenOff }: DownloadDelivery,
  body: ReceivedBody,
  writer: HeldBackWriter,
  callerGone: AbortSignal,
): Promise<DownloadResult> {
  try {
    sendHead(response, { ...headers, 'content-type': contentType }, stream.contentLength);
    await pipeline(stream.body, writer, { signal: AbortSignal.any([callerGone, brokenOff]) });
    callerGone.throwIfAborted();
    return { state: 'succeeded', ...body.close() };
  } catch (error) {
    const failed = { state: 'failed', bytes: writer.bytesWritten } as const;
    if (callerGone.aborted) return { ...failed, brokenBy: 'caller', cause: callerGone.reason as Error };
    if (brokenOff.aborted) return { ...failed, brokenBy: 'gateway', cause: brokenOff.reason as Error };
    return { ...failed, brokenBy: 'upstream', cause: error as Error };
  }
}

function sendHead(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  contentLength: number | undefined,
): void {
  const own = {
    'accept-ranges': 'none',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(contentLength !== undefined && { 'content-length': String(contentLength) }),
  };
  for (const [name, value] of Object.entries({ ...headers, ...own })) response.setHeader(name, value);
  response.statusCode = 200;
  // Not with the first bytes: upstream may pause before them. Where none are to come, the head alone looks whole and waits.
  if (contentLength !== 0) response.flushHeaders();
}

/** The outcome, or the failure to record it. */
async function record({ finish }: DownloadDelivery, outcome: DownloadResult): Promise<DownloadResult> {
  try {
    await finish(outcome);
    return outcome;
  } catch (error) {
    const cause =
      outcome.state === 'failed'
        ? new AggregateError([outcome.cause, error], 'The download broke, and that could not be recorded.')
        : (error as Error);
    return { state: 'failed', bytes: outcome.bytes, brokenBy: 'store', cause };
  }
}

function isBeforeHttp11({ httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMajor < 1 || (httpVersionMajor === 1 && httpVersionMinor < 1);
}

function ignore(): void {
  // Nothing to do: the outcome is learned elsewhere.
}
