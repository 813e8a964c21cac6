import type { LoggedLine } from '@app/veeam-client';

/** What a log tells of one kind of action since a time. A log may have any length: its lines are counted, not kept. */
export class LoggedSteps {
  count = 0;
  isRunning = false;
  private failed = 0;

  /** @param since ms since the Unix epoch */
  constructor(
    private readonly kind: LoggedLine['kind'],
    private readonly since: number,
  ) {}

  see({ kind, state, startedAt }: LoggedLine): void {
    if (kind !== this.kind || Date.parse(startedAt) < this.since) return;
    this.count++;
    if (state === 'failed') this.failed++;
    if (state === 'running') this.isRunning = true;
  }

  get summary(): string {
    return this.failed === 0 ? `${this.count} steps of it` : `${this.count} steps of it, ${this.failed} of them failed`;
  }
}
