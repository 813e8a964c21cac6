import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** More distinct values of a label than any of ours has; beyond it something unbounded has become a label. */
const MOST_LABEL_VALUES = 200;
const OTHER = 'other';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

/** What the gateway counts, in a registry of its own, for the management port. No label holds an id or anything of a caller. */
export class Metrics {
  readonly registry = new Registry();
  readonly #seen = new Map<string, Set<string>>();

  readonly #httpRequests = this.#counter('http_requests_total', 'Requests that ended', ['method', 'route', 'status']);
  readonly #httpDuration = this.#histogram('http_request_duration_seconds', 'Time to the end of the answer');
  readonly #upstreamRequests = this.#counter('upstream_requests_total', 'Requests sent upstream', [
    'method',
    'route',
    'status',
    'backup_server',
  ]);
  readonly #upstreamDuration = this.#histogram('upstream_request_duration_seconds', 'Time to the answer of upstream', [
    'backup_server',
  ]);
  readonly #operations = this.#counter('operations_total', 'Operations by the state they reached', ['action', 'state']);
  readonly #repeatedRequests = this.#counter(
    'repeated_requests_total',
    'Requests answered with the operation of an earlier one',
    ['action'],
  );
  readonly #downloadsActive = new Gauge({
    name: 'downloads_active',
    help: 'Downloads that are streaming',
    registers: [this.registry],
  });
  readonly #eventStreamsActive = new Gauge({
    name: 'event_streams_active',
    help: 'Streams of events of operations that are open',
    registers: [this.registry],
  });
  readonly #downloadBytes = this.#counter('download_bytes_total', 'Bytes streamed to callers', []);
  readonly #webhookDeliveries = this.#counter('webhook_deliveries_total', 'Attempts to deliver a webhook', ['result']);
  readonly #webhookOldestPending = new Gauge({
    name: 'webhook_oldest_pending_seconds',
    help: 'How long the oldest webhook has waited that is neither delivered nor given up',
    registers: [this.registry],
  });
  readonly #upstreamStops = this.#counter(
    'upstream_session_stops_total',
    'Times a restore session upstream was told to stop',
    ['result'],
  );
  readonly #upstreamSessionsNotStopped = new Gauge({
    name: 'upstream_sessions_not_stopped',
    help: 'Restore sessions upstream that were told to stop again and again, and may still run',
    registers: [this.registry],
  });
  readonly #credentialReloads = this.#counter('credential_reload_total', 'Changed secrets that were looked at', [
    'result',
  ]);
  readonly #credentialDaysToExpiry = new Gauge({
    name: 'credential_days_to_expiry',
    help: 'Days until the certificate of a credential profile expires; negative once it has',
    labelNames: ['profile'] as const,
    registers: [this.registry],
  });
  readonly #tokenRefusals = this.#counter('token_refusals_total', 'Access tokens refused', ['reason']);

  readonly #auditSinkLag = new Gauge({
    name: 'audit_sink_lag_records',
    help: 'Audit records that a sink does not have yet',
    labelNames: ['sink'] as const,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** @param route the pattern, never the URL */
  countRequest(method: string, route: string, status: number | 'aborted', durationMs: number): void {
    const labels = this.#bounded('http', { method, route, status: String(status) });
    this.#httpRequests.inc(labels);
    this.#httpDuration.observe(labels, durationMs / 1_000);
  }

  /**
   * @param backupServer its configured name
   * @param route the pattern of the upstream path, without ids
   * @param status of the answer, or a word such as `timeout` when there was none
   */
  countUpstreamRequest(
    backupServer: string,
    method: string,
    route: string,
    status: number | string,
    durationMs: number,
  ): void {
    const labels = {
      ...this.#bounded('upstream', { method, route, status: String(status) }),
      backup_server: backupServer,
    };
    this.#upstreamRequests.inc(labels);
    this.#upstreamDuration.observe(labels, durationMs / 1_000);
  }

  countOperation(action: string, state: string): void {
    this.#operations.inc(this.#bounded('operations', { action, state }));
  }

  countRepeatedRequest(action: string): void {
    this.#repeatedRequests.inc(this.#bounded('repeats', { action }));
  }

  /** @param result `failed` is tried again, `given-up` is not */
  countWebhookDelivery(result: 'delivered' | 'failed' | 'given-up'): void {
    this.#webhookDeliveries.inc({ result });
  }

  /** @param ageMs 0 when none waits */
  setOldestPendingWebhook(ageMs: number): void {
    this.#webhookOldestPending.set(ageMs / 1_000);
  }

  /** @param result `stopped` is proven; the others are told again */
  countUpstreamStop(result: 'stopped' | 'still-running' | 'failed'): void {
    this.#upstreamStops.inc({ result });
  }

  setUpstreamSessionsNotStopped(count: number): void {
    this.#upstreamSessionsNotStopped.set(count);
  }

  /** @param result `refused`: what was in use stays in use */
  countCredentialReload(result: 'replaced' | 'refused'): void {
    this.#credentialReloads.inc({ result });
  }

  /** @param profile its configured name */
  setCredentialDaysToExpiry(profile: string, days: number): void {
    this.#credentialDaysToExpiry.set({ profile }, days);
  }

  /** @param reason a word of ours, never a text of the token or of a library */
  countTokenRefusal(reason: string): void {
    this.#tokenRefusals.inc(this.#bounded('tokens', { reason }));
  }

  /** Counts a download as active until the returned function is called. */
  startDownload(): () => void {
    return started(this.#downloadsActive);
  }

  /** As `startDownload`, of a stream of events. */
  startEventStream(): () => void {
    return started(this.#eventStreamsActive);
  }

  addDownloadBytes(bytes: number): void {
    this.#downloadBytes.inc(bytes);
  }

  /** @param sink its configured name */
  setAuditSinkLag(sink: string, records: number): void {
    this.#auditSinkLag.set({ sink }, records);
  }

  /** The text for Prometheus and the media type it goes out with. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string = never>(
    name: string,
    help: string,
    more: Label[] = [],
  ): Histogram<'method' | 'route' | 'status' | Label> {
    const labelNames = ['method' as const, 'route' as const, 'status' as const, ...more];
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.registry] });
  }

  #bounded<Labels extends Record<string, string>>(scope: string, labels: Labels): Labels {
    const bounded = Object.entries(labels).map(([name, value]) => {
      const key = `${scope} ${name}`;
      const seen = this.#seen.get(key) ?? new Set<string>();
      this.#seen.set(key, seen);
      if (seen.size < MOST_LABEL_VALUES) seen.add(value);
      return [name, seen.has(value) ? value : OTHER];
    });
    return Object.fromEntries(bounded) as Labels;
  }
}

/** Counts one more until the returned function is called. */
function started(gauge: Gauge): () => void {
  gauge.inc();
  let isActive = true;
  return () => {
    if (isActive) gauge.dec();
    isActive = false;
  };
}
