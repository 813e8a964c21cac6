import type { IncomingMessage } from 'node:http';
import { SandboxError } from '../world/sandbox-error.js';

const maxBytes = 64 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size <= maxBytes) pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Lower case, without parameters. */
export function mediaTypeOf(request: IncomingMessage): string {
  return request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** JSON or a form; undefined when there is no body. */
export function parseBody(text: string, type: string, parseJson: (text: string) => unknown): unknown {
  if (text.trim() === '') return undefined;
  if (type === 'application/json' || type === 'text/json') return parseJson(text);
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text));
  throw new SandboxError(415, `The request entity's media type '${type}' is not supported for this resource.`);
}
