import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { TraceContext } from './trace-context.js';

/** What is known of the request that is being worked on: for logs and for the headers of what it causes, for nothing else. */
export interface RequestContext extends TraceContext {
  readonly requestId: string;
  /** Where it came from, behind trusted proxies; set once the request is routed. */
  sourceAddress?: string | undefined;
  /** Set once the token is accepted. */
  caller?: { readonly issuer: string; readonly subject: string; readonly clientId: string | undefined };
  /** Whom the request has asked upstream, by their names in the configuration. */
  backupServers?: Set<string>;
  /** Time the request has spent waiting for upstream, ms; added to by each upstream call. */
  upstreamMs?: number;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function runInRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The context of the request this code runs for; undefined in work that no request waits for. */
export function currentRequestContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Adds time spent with a backup server to the request this code runs for, if there is one. */
export function addUpstreamTime(backupServer: string, durationMs: number): void {
  const context = currentRequestContext();
  if (context === undefined) return;
  (context.backupServers ??= new Set()).add(backupServer);
  context.upstreamMs = (context.upstreamMs ?? 0) + durationMs;
}

/** As the log names whom a request has asked: several in order, separated by commas. */
export function askedServersOf({ backupServers }: Pick<RequestContext, 'backupServers'> = {}): string | undefined {
  return backupServers && [...backupServers].sort().join(', ');
}

/** The caller's request id, if it can do no harm in a log or a header, else a new one. */
export function acceptRequestId(header: unknown): string {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(header) ? header : randomUUID();
}
