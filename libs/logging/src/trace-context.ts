import { randomBytes } from 'node:crypto';

export interface TraceContext {
  /** 32 lower-case hex digits, made here: callers do not choose what upstream and logs are searched by. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the request within the trace. */
  readonly spanId: string;
  /** The caller's own trace id, if a valid `traceparent` came in; logged, never sent on. */
  readonly callerTraceId: string | undefined;
}

/** A fresh trace; `incoming` is the value of the caller's `traceparent` header (W3C Trace Context, section 3.2). */
export function newTraceContext(incoming?: unknown): TraceContext {
  return { traceId: randomHex(16), spanId: randomHex(8), callerTraceId: traceIdOf(incoming) };
}

/** The `traceparent` header for one outgoing request of this trace; each request is a span of its own. */
export function traceparent({ traceId }: Pick<TraceContext, 'traceId'> = newTraceContext()): string {
  return `00-${traceId}-${randomHex(8)}-01`;
}

function traceIdOf(header: unknown): string | undefined {
  if (typeof header !== 'string' || header.length > 512) return undefined;
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(header);
  const [, version, traceId, parentId, more] = match ?? [];
  if (!traceId || !parentId || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return /[^0]/.test(traceId) && /[^0]/.test(parentId) ? traceId : undefined;
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
