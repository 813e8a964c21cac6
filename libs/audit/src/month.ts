/** A month in UTC. */
export class Month {
  private constructor(private readonly index: number) {}

  /** @returns undefined unless the text is such as `2026-09` */
  static parse(text: string): Month | undefined {
    const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? [];
    return year === undefined ? undefined : new Month(Number(year) * 12 + Number(month) - 1);
  }

  static of(time: Date): Month {
    return new Month(time.getUTCFullYear() * 12 + time.getUTCMonth());
  }

  get start(): Date {
    return new Date(Date.UTC(Math.floor(this.index / 12), this.index % 12));
  }

  get end(): Date {
    return new Month(this.index + 1).start;
  }

  /** How many whole months lie between this one and the one of `time`; negative for a month that is not over. */
  monthsBefore(time: Date): number {
    return Month.of(time).index - this.index - 1;
  }

  toString(): string {
    return this.start.toISOString().slice(0, 7);
  }
}
