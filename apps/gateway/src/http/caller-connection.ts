import type { CancelTimer, Clock } from '@app/clock';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

const IDLE_WRITE_MS = 10 * 60_000;

export interface LastingAnswer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** A caller who takes nothing for so many milliseconds is cut off; default 10 minutes. */
  readonly idleWriteMs?: number;
}

/** The caller's end of an answer that lasts: notices when the caller leaves or stands still, and is broken or ended by us. */
export class CallerConnection {
  private readonly leaving = new AbortController();
  private readonly onClose = () => {
    this.leaving.abort(new Error('The caller closed the connection.'));
  };
  private cancelTimer: CancelTimer | undefined;

  constructor(private readonly answer: LastingAnswer) {
    const { request, response } = answer;
    // The socket, not the response: one that waits behind another response on the same connection is not told.
    if (request.socket.destroyed) this.onClose();
    else request.socket.once('close', this.onClose);
    // A write that lost the race against the close; the close itself is what counts.
    response.on('error', ignore);
  }

  /** Aborted when the caller left, or was cut off for standing still. */
  get gone(): AbortSignal {
    return this.leaving.signal;
  }

  stalled(): void {
    this.moved();
    const { clock, idleWriteMs = IDLE_WRITE_MS } = this.answer;
    this.cancelTimer = clock.schedule(() => {
      this.leaving.abort(new Error(`The caller took nothing for ${idleWriteMs} ms.`));
      this.break();
    }, idleWriteMs);
  }

  moved(): void {
    this.cancelTimer?.();
  }

  /** Without the terminating chunk, or short of the announced length: no client takes this for the end. */
  break(): void {
    this.answer.request.socket.destroy();
  }

  /** Resolves when everything was handed to the operating system, or the caller is gone. */
  async end(lastChunk: Buffer | undefined): Promise<void> {
    this.stalled();
    const sent = once(this.answer.response, 'finish', { signal: this.gone }).catch(ignore);
    this.answer.response.end(lastChunk);
    await sent;
  }

  leave(): void {
    this.cancelTimer?.();
    this.answer.request.socket.off('close', this.onClose);
  }
}

function ignore(): void {
  // Nothing to do: the outcome is learned elsewhere.
}
