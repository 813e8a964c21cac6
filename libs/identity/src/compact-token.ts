import { TokenRefusedError } from './refusal.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A JWS in compact form (RFC 7515, section 7.1), taken apart. Nothing of it is proven. */
export interface CompactToken {
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

/**
 * Reads a token more strictly than jsonwebtoken, which comes after it: canonical base64url, valid UTF-8, objects, no member twice.
 *
 * @throws TokenRefusedError
 */
export function readCompactToken(token: string): CompactToken {
  const parts = token.split('.');
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) throw new TokenRefusedError('malformed-token');
  decode(signature);
  return { header: readObject(header), payload: readObject(payload) };
}

function readObject(part: string): JsonObject {
  const text = toText(decode(part));
  const value = parse(text);
  if (!isObject(value) || hasMemberTwice(text, value)) throw new TokenRefusedError('malformed-token');
  return value;
}

function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw new TokenRefusedError('malformed-token');
  return bytes;
}

function toText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TokenRefusedError('malformed-token', cause);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The cause would hold a piece of the token.
    throw new TokenRefusedError('malformed-token');
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const STRING_OR_NAME = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * RFC 7519, section 4 lets a reader refuse duplicate names or take the last one, as JSON.parse does; whoever looks at the token
 * before or after us may take the first one, so they are refused. In JSON only a name is a string before a colon: the text has more
 * of them than the value has members if one was overwritten.
 */
function hasMemberTwice(text: string, value: unknown): boolean {
  let names = 0;
  for (const match of text.matchAll(STRING_OR_NAME)) if (match[1] !== undefined) names++;
  return names !== countMembers(value);
}

/** Without recursion: the depth of the value is the sender's choice. */
function countMembers(root: unknown): number {
  let members = 0;
  const pending: unknown[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const children: unknown[] = Object.values(value);
    if (!Array.isArray(value)) members += children.length;
    for (const child of children) pending.push(child);
  }
  return members;
}
