import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawRequest {
  readonly path: string;
  readonly token: string | undefined;
  readonly method?: string;
  readonly body?: string;
  readonly httpVersion?: '1.0' | '1.1';
}

/** What a caller saw who looks at the bare connection until it closes. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Still in chunks, if it came in chunks. */
  readonly body: Buffer;
  /** Whether HTTP's own rules take the answer for whole (RFC 9112, section 8). */
  readonly isWhole: boolean;
}

/** Sends a request over a socket of its own, and nothing more; the answer is the caller's to read. */
export async function rawRequest(gatewayUrl: string, request: RawRequest): Promise<Socket> {
  const { path, token, method = 'POST', body = '{}', httpVersion = '1.1' } = request;
  const { hostname, port } = new URL(gatewayUrl);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const lines = [
    `${method} ${path} HTTP/${httpVersion}`,
    `Host: ${hostname}:${port}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return socket;
}

/** Reads until the connection closes, however it closes. */
export async function rawAnswer(gatewayUrl: string, request: RawRequest): Promise<RawAnswer> {
  const socket = await rawRequest(gatewayUrl, request);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined); // a reset is one way to break off; `close` comes after it
  await once(socket, 'close');
  return parse(Buffer.concat(chunks));
}

function parse(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { status: 0, headers: new Map(), body: bytes, isWhole: false };
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = bytes.subarray(end + 4);
  const length = headers.get('content-length');
  const isChunked = headers.get('transfer-encoding') === 'chunked';
  // Without either, the end of the connection is the end of the body, and nobody can tell a cut from it.
  const isWhole = isChunked
    ? body.subarray(-7).toString('latin1') === '\r\n0\r\n\r\n'
    : length === undefined || body.length === Number(length);
  return { status: Number(statusLine.split(' ')[1]), headers, body, isWhole };
}
