import { DAMAGED, Pkcs12Error } from './pkcs12-error.js';

/** Tags of X.690 as they stand in the first octet of an element. */
export const INTEGER = 0x02;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const SEQUENCE = 0x30;
export const SET = 0x31;
/** Context-specific [0], primitive or constructed. */
export const IMPLICIT_0 = 0x80;
export const EXPLICIT_0 = 0xa0;

const CONSTRUCTED = 0x20;
/** The deepest that elements of indefinite length, whose end only a look into all of them tells, and split strings may be nested. */
const DEEPEST = 16;

/** One element of BER: DER, and besides it indefinite lengths and split strings, as some makers of PKCS#12 files write. */
export interface Element {
  readonly tag: number;
  /** What is between header and end. */
  readonly content: Buffer;
}

/** The one element that the bytes are. @throws Pkcs12Error */
export function readElement(bytes: Buffer): Element {
  const { element, end } = elementAt(bytes, 0, 0);
  if (end !== bytes.length) throw new Pkcs12Error(DAMAGED);
  return element;
}

/** The elements in one that is constructed. @throws Pkcs12Error unless it has this tag */
export function partsOf(element: Element | undefined, tag: number): Element[] {
  const { content } = required(element, tag);
  const parts: Element[] = [];
  for (let offset = 0; offset < content.length;) {
    const { element: part, end } = elementAt(content, offset, 0);
    parts.push(part);
    offset = end;
  }
  return parts;
}

/** @throws Pkcs12Error unless it has this tag */
export function required(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new Pkcs12Error(DAMAGED);
  return element;
}

/** The octets of a string, whole or in pieces. @param tag of one that is whole */
export function octetsOf(element: Element | undefined, tag = OCTET_STRING, depth = 0): Buffer {
  if (element?.tag !== (tag | CONSTRUCTED)) return required(element, tag).content;
  if (depth === DEEPEST) throw new Pkcs12Error(DAMAGED);
  return Buffer.concat(partsOf(element, element.tag).map((part) => octetsOf(part, OCTET_STRING, depth + 1)));
}

/** @returns a number from 0 to 2^48 - 1 */
export function unsignedOf(element: Element | undefined): number {
  const { content } = required(element, INTEGER);
  const first = content[0];
  if (first === undefined || first >= 0x80 || content.length > 7 || (content.length === 7 && first !== 0)) {
    throw new Pkcs12Error(DAMAGED);
  }
  return content.readUIntBE(Math.max(0, content.length - 6), Math.min(6, content.length));
}

/** In dotted form. */
export function objectIdentifierOf(element: Element | undefined): string {
  const { content } = required(element, OBJECT_IDENTIFIER);
  if (content.length === 0 || content.length > 32) throw new Pkcs12Error(DAMAGED);
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...others] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - 40 * root, ...others].join('.');
}

function elementAt(bytes: Buffer, offset: number, depth: number): { element: Element; end: number } {
  const tag = octetAt(bytes, offset);
  const { length, start } = lengthAt(bytes, offset + 1);
  // Nothing in a PKCS#12 file needs a tag of several octets.
  if ((tag & 0x1f) === 0x1f) throw new Pkcs12Error(DAMAGED);
  if (length !== undefined) {
    const end = start + length;
    if (end > bytes.length) throw new Pkcs12Error(DAMAGED);
    return { element: { tag, content: bytes.subarray(start, end) }, end };
  }
  if ((tag & CONSTRUCTED) === 0 || depth === DEEPEST) throw new Pkcs12Error(DAMAGED);
  let end = start;
  while (octetAt(bytes, end) !== 0) end = elementAt(bytes, end, depth + 1).end;
  if (octetAt(bytes, end + 1) !== 0) throw new Pkcs12Error(DAMAGED);
  return { element: { tag, content: bytes.subarray(start, end) }, end: end + 2 };
}

/** Undefined for an indefinite one. */
function lengthAt(bytes: Buffer, offset: number): { length: number | undefined; start: number } {
  const first = octetAt(bytes, offset);
  if (first < 0x80) return { length: first, start: offset + 1 };
  if (first === 0x80) return { length: undefined, start: offset + 1 };
  const count = first & 0x7f;
  if (count > 4 || offset + 1 + count > bytes.length) throw new Pkcs12Error(DAMAGED);
  return { length: bytes.readUIntBE(offset + 1, count), start: offset + 1 + count };
}

function octetAt(bytes: Buffer, offset: number): number {
  const octet = bytes[offset];
  if (octet === undefined) throw new Pkcs12Error(DAMAGED);
  return octet;
}
