import { Metrics } from './metrics.js';

describe('Metrics', () => {
  const metrics = new Metrics();

  afterEach(() => {
    metrics.registry.resetMetrics();
  });

  it('exposes what was counted, and the process', async () => {
    metrics.countRequest('GET', '/api/v1/operations/:id', 200, 120);
    metrics.countUpstreamRequest('default', 'POST', '/RestoreSessions/:id/Action', 'timeout', 3_000);
    metrics.countOperation('restore', 'succeeded');
    metrics.countTokenRefusal('expired');
    metrics.countWebhookDelivery('given-up');
    metrics.setOldestPendingWebhook(90_000);
    metrics.addDownloadBytes(1_000);
    metrics.addDownloadBytes(24);
    metrics.setAuditSinkLag('siem', 3);

    const { contentType, text } = await metrics.expose();
    expect(contentType).toContain('text/plain');
    for (const line of [
      'http_requests_total{method="GET",route="/api/v1/operations/:id",status="200"} 1',
      'http_request_duration_seconds_bucket{le="0.25",method="GET",route="/api/v1/operations/:id",status="200"} 1',
      'upstream_requests_total{method="POST",route="/RestoreSessions/:id/Action",status="timeout",backup_server="default"} 1',
      'upstream_request_duration_seconds_sum{method="POST",route="/RestoreSessions/:id/Action",status="timeout",backup_server="default"} 3',
      'operations_total{action="restore",state="succeeded"} 1',
      'token_refusals_total{reason="expired"} 1',
      'webhook_deliveries_total{result="given-up"} 1',
      'webhook_oldest_pending_seconds 90',
      'download_bytes_total 1024',
      'audit_sink_lag_records{sink="siem"} 3',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('counts a download as active until it ended, once', async () => {
    const end = metrics.startDownload();
    metrics.startDownload();
    end();
    end();
    expect((await metrics.expose()).text).toContain('downloads_active 1');
  });

  it('cannot be flooded with label values', async () => {
    for (let index = 0; index < 1_000; index++) metrics.countTokenRefusal(`reason ${index}`);
    const { text } = await metrics.expose();
    expect(text.match(/^token_refusals_total\{/gm)?.length).toBeLessThanOrEqual(201);
    expect(text).toMatch(/token_refusals_total\{reason="other"\} 8\d\d/);
  });

  it('keeps apart what two gateways in one process count', async () => {
    new Metrics().countTokenRefusal('expired');
    expect((await metrics.expose()).text).not.toContain('reason="expired"} 1');
  });
});
