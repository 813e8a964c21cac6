import type { Caller } from './caller.js';
import { until } from './until.js';

export interface WatchedEvent {
  readonly id: number;
  readonly type: string;
  readonly data: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- the assertions on it are the check
}

/** A caller's stream of the events of an operation, read as WHATWG HTML has clients read it: only whole events count. */
export class WatchedEvents {
  readonly events: WatchedEvent[] = [];
  /** Comments so far. */
  heartbeats = 0;
  /** How it ended; undefined while it is open. */
  end: 'cleanly' | 'broken' | undefined;
  private readonly leaving: AbortController;

  private constructor(
    readonly response: Response,
    leaving: AbortController,
  ) {
    this.leaving = leaving;
    void this.read();
  }

  /** @param lastEventId resumes after that one */
  static async open(caller: Caller, operationId: string, lastEventId?: number): Promise<WatchedEvents> {
    const leaving = new AbortController();
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) };
    const path = `/api/v1/operations/${operationId}/events`;
    const response = await caller.fetch('GET', path, undefined, headers, leaving.signal);
    if (response.status !== 200) throw new Error(`no stream: ${response.status} ${await response.text()}`);
    return new WatchedEvents(response, leaving);
  }

  get ids(): number[] {
    return this.events.map(({ id }) => id);
  }

  get states(): string[] {
    return this.events.filter(({ type }) => type === 'state').map(({ data }) => data.state as string);
  }

  get progress(): WatchedEvent['data'][] {
    return this.events.filter(({ type }) => type === 'progress').map(({ data }) => data);
  }

  /** Of the last event that came. */
  get last(): number {
    return this.events.at(-1)?.id ?? 0;
  }

  /** @param moving of the clock meanwhile, as in `until` */
  async ended(moving?: Parameters<typeof until>[1]): Promise<'cleanly' | 'broken'> {
    return until(() => this.end, moving);
  }

  leave(): void {
    this.leaving.abort();
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const bytes of this.response.body as unknown as AsyncIterable<Uint8Array>) {
        const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
        rest = blocks.pop() ?? '';
        blocks.forEach((block) => {
          this.take(block);
        });
      }
      this.end = 'cleanly';
    } catch {
      this.end = 'broken';
    }
  }

  private take(block: string): void {
    const lines = block.split('\n');
    if (lines.every((line) => line.startsWith(':'))) {
      this.heartbeats++;
      return;
    }
    const fields = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    );
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({
      id: Number(fields.get('id')),
      type: fields.get('event') ?? '',
      data: JSON.parse(data) as unknown,
    });
  }
}
