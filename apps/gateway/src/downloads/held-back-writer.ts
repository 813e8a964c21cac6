import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';

type Done = (error?: Error | null) => void;

interface BodySink {
  /** Sees every chunk before it is written; what it throws ends the stream. */
  push(chunk: Buffer): void;
}

interface Progress {
  /** The caller takes nothing more for now. */
  stalled(): void;
  /** It does again. */
  moved(): void;
}

/**
 * Writes a body to the caller one chunk late, so that at its end the last bytes are still here: they go out only once
 * the download is known to be whole and recorded. Takes no more from upstream than the caller takes.
 */
export class HeldBackWriter extends Writable {
  private held: Buffer | undefined;
  private handedOver = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly body: BodySink,
    private readonly caller: Progress,
  ) {
    // One chunk at a time: more in this queue would only be more read ahead of the caller.
    super({ highWaterMark: 1 });
  }

  /** Bytes handed to the caller's connection. */
  get bytesWritten(): number {
    return this.handedOver;
  }

  /** The last bytes, after the end of the body; undefined when there were none at all. */
  get lastChunk(): Buffer | undefined {
    return this.held;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    try {
      this.body.push(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    const previous = this.held;
    // An empty chunk must not push the last bytes out.
    if (chunk.length === 0) {
      done();
      return;
    }
    this.held = chunk;
    if (previous === undefined) done();
    else this.send(previous, done);
  }

  private send(chunk: Buffer, done: Done): void {
    this.handedOver += chunk.length;
    if (this.response.write(chunk)) {
      done();
      return;
    }
    this.caller.stalled();
    this.response.once('drain', () => {
      this.caller.moved();
      done();
    });
  }
}
