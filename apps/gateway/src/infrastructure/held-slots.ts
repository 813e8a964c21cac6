/** Gives the slot back; harmless when called again. */
export type Release = () => void;

/** How many slots are held, by key and in all; how many may be is for whoever asks to say. */
export class HeldSlots {
  private readonly held = new Map<string, number>();
  private total = 0;

  of(key: string): number {
    return this.held.get(key) ?? 0;
  }

  get inAll(): number {
    return this.total;
  }

  hold(key: string): Release {
    this.held.set(key, this.of(key) + 1);
    this.total++;
    let isHeld = true;
    return () => {
      if (isHeld) this.release(key);
      isHeld = false;
    };
  }

  private release(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.held.set(key, left);
    else this.held.delete(key);
    this.total--;
  }
}
