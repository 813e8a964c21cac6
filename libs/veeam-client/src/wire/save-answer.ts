import { UpstreamBrokenError } from '@app/problems';
import type { IncomingHttpHeaders } from 'node:http';
import { RefusedAnswer } from '../failures.js';
import type { SaveStream } from '../model.js';
import type { Exchange, ExchangeLimits } from '../transport/exchange.js';
import type { HttpAnswer } from '../transport/json-transport.js';
import { readText } from '../transport/read-text.js';

const MAX_ERROR_BYTES = 64 * 1024;
const DOWNLOAD_TYPES: ReadonlySet<string> = new Set(['application/octet-stream', 'application/zip']);

/**
 * Looks at status and headers before anybody sees a byte: the stream of a download, or the text of an error.
 *
 * @throws RefusedAnswer when it is a 200 that cannot be the download
 */
export async function openedStream(
  { status, headers, body }: Exchange,
  limits: ExchangeLimits,
): Promise<HttpAnswer | { readonly status: number; readonly stream: SaveStream }> {
  if (status !== 200) {
    const text = await readText(body, { ...limits, maxBytes: MAX_ERROR_BYTES }).catch(() => '');
    return { status, headers, text };
  }
  const fault = faultOf(headers);
  if (fault !== undefined) {
    body.destroy();
    throw new RefusedAnswer(new UpstreamBrokenError(`The backup server sent ${fault} instead of a download.`), status);
  }
  return { status, stream: { contentLength: contentLengthOf(headers), body } };
}

/** Hashes, lengths and the ZIP's end record are about the plain bytes, so an encoded body is none. */
function faultOf(headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return 'an encoded body';
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? 'nothing named';
  return DOWNLOAD_TYPES.has(type) ? undefined : 'another media type';
}

function contentLengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}
