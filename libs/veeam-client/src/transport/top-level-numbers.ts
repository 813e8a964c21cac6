const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const OPENING_OBJECT = 0x7b;
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);
/** White space, and the bytes of a byte order mark. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
/** Of a name or a number; longer ones are none that anybody asks for. */
const LONGEST = 64;

/**
 * Picks the numbers out of a JSON object that is too long to be kept, as it comes: those that are its own members, whatever lies in
 * the others. What JSON is made of is ASCII, so text in UTF-8 needs no decoding to be passed over.
 */
export class TopLevelNumbers {
  private readonly numbers = new Map<string, number>();
  private state: 'before' | 'within' | 'after' | 'broken' = 'before';
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  private name = '';
  /** Undefined until the name has ended. */
  private value: string | undefined;

  write(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.isInString) this.readText(byte);
      else if (!BLANK.has(byte)) this.readMark(byte);
    }
  }

  /** Undefined unless what came was one whole object. */
  end(): Readonly<Record<string, number>> | undefined {
    return this.state === 'after' ? Object.fromEntries(this.numbers) : undefined;
  }

  private readText(byte: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) this.isInString = false;
    if (this.isInString && this.depth === 1) this.keep(byte);
  }

  private readMark(byte: number): void {
    if (this.state === 'before' && byte === OPENING_OBJECT) this.state = 'within';
    else if (this.state !== 'within') {
      this.state = 'broken';
      return;
    }
    if (byte === QUOTE) {
      this.isInString = true;
      // What is in quotes is no number.
      if (this.depth === 1) this.keep(byte);
    } else if (OPENING.has(byte)) {
      if (this.depth === 1) this.keep(byte);
      this.depth++;
    } else if (CLOSING.has(byte)) this.close();
    else if (this.depth === 1) this.readMember(byte);
  }

  private close(): void {
    if (this.depth === 1) this.endMember();
    this.depth--;
    if (this.depth === 0) this.state = 'after';
  }

  private readMember(byte: number): void {
    if (byte === COLON) this.value = '';
    else if (byte === COMMA) this.endMember();
    else this.keep(byte);
  }

  private keep(byte: number): void {
    const letter = String.fromCharCode(byte);
    if (this.value !== undefined) this.value = (this.value + letter).slice(0, LONGEST);
    else if (byte !== QUOTE) this.name = (this.name + letter).slice(0, LONGEST);
  }

  private endMember(): void {
    if (this.value !== undefined && /^-?\d{1,15}$/.test(this.value)) this.numbers.set(this.name, Number(this.value));
    this.name = '';
    this.value = undefined;
  }
}
