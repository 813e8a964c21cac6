import { randomUUID } from 'node:crypto';

const kept = 100;

/** Collections as they once were, by id: later versions page through one without asking the cloud again. */
export class ResultSets {
  private readonly sets = new Map<string, { of: string; items: readonly unknown[] }>();

  /** @param of which collection it is. The oldest set is forgotten beyond a hundred. */
  keep(of: string, items: readonly unknown[]): string {
    const id = randomUUID();
    this.sets.set(id, { of, items });
    const [oldest] = this.sets.keys();
    if (this.sets.size > kept && oldest !== undefined) this.sets.delete(oldest);
    return id;
  }

  find(id: string, of: string): readonly unknown[] | undefined {
    const found = this.sets.get(id.toLowerCase());
    return found?.of === of ? found.items : undefined;
  }
}
