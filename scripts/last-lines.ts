/** The end of a log, for telling why a process died. */
export class LastLines {
  private text = '';

  add(chunk: string): void {
    this.text = (this.text + chunk).slice(-4_000);
  }

  includes(words: string): boolean {
    return this.text.includes(words);
  }

  toString(count = 10): string {
    return this.text.trimEnd().split('\n').slice(-count).join('\n');
  }
}
