/** One download on its way. */
export interface Save {
  readonly id: number;
  readonly requestId: number;
  readonly path: string;
  /** As declared; undefined when it was not. */
  readonly contentLength: number | undefined;
  /** Body bytes handed over to the operating system so far. */
  readonly bytesWritten: number;
  /** `aborted`: the other side left; `cut`: a fault ended it; `failed`: its files could not be read. */
  readonly state: 'open' | 'finished' | 'aborted' | 'cut' | 'failed';
  /** Resolves with the final state. */
  readonly ended: Promise<Save['state']>;
}

export class SaveInProgress implements Save {
  bytesWritten = 0;
  state: Save['state'] = 'open';
  readonly ended: Promise<Save['state']>;
  private settle: (state: Save['state']) => void = () => undefined;

  constructor(
    readonly id: number,
    readonly requestId: number,
    readonly path: string,
    readonly contentLength: number | undefined,
  ) {
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  toJSON(): object {
    const { id, requestId, path, contentLength, bytesWritten, state } = this;
    return { id, requestId, path, contentLength, bytesWritten, state };
  }

  /** The first end counts. */
  end(state: 'finished' | 'aborted' | 'cut' | 'failed'): void {
    if (this.state !== 'open') return;
    this.state = state;
    this.settle(state);
  }
}

export class Saves {
  private saves: SaveInProgress[] = [];
  private waiting: ((save: Save) => void)[] = [];
  private lastId = 0;

  begin(requestId: number, path: string, contentLength: number | undefined): SaveInProgress {
    const save = new SaveInProgress(++this.lastId, requestId, path, contentLength);
    this.saves.push(save);
    for (const resolve of this.waiting.splice(0)) resolve(save);
    return save;
  }

  all(): readonly Save[] {
    return this.saves;
  }

  /** The next one to begin. */
  next(): Promise<Save> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  clear(): void {
    this.saves = this.saves.filter(({ state }) => state === 'open');
  }
}
