import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { timedOut } from '../failures.js';
import type { ExchangeLimits } from './exchange.js';
import { IdleWatch } from './idle-watch.js';

/** Held per stream while its reader stalls, apart from what the kernel buffers. */
const HIGH_WATER_MARK = 64 * 1024;

/** The body of an answer with back-pressure down to upstream's socket. Whoever stops reading half way ends the connection. */
export class AnswerBody extends Readable {
  private readonly watch: IdleWatch;
  private isWhole = false;

  constructor(
    private readonly controller: Dispatcher.DispatchController,
    { clock, idleBodyMs }: ExchangeLimits,
  ) {
    super({ highWaterMark: HIGH_WATER_MARK });
    // It may fail before its reader is there, who still finds it failed then; until then that is nobody's uncaught error.
    this.on('error', () => undefined);
    this.watch = new IdleWatch(clock, idleBodyMs, () => this.destroy(timedOut('go on with its answer')));
  }

  receive(chunk: Buffer): void {
    this.watch.touch();
    if (!this.push(chunk)) {
      this.watch.pause();
      this.controller.pause();
    }
  }

  finish(): void {
    this.isWhole = true;
    this.watch.stop();
    this.push(null);
  }

  override _read(): void {
    this.watch.resume();
    this.controller.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.watch.stop();
    if (!this.isWhole) this.controller.abort(error ?? new Error('the reader left'));
    callback(error);
  }
}
