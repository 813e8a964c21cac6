// Loaded into the gateway by `gateway-process.ts`: tells on request how much memory the process holds and how much it has read
// from upstream. It ends the gateway should the tests be gone.
import { subscribe } from 'node:diagnostics_channel';

const SAMPLE_EVERY_MS = 20;

let peak = { rss: 0, external: 0 };

function sample() {
  const { rss, external } = process.memoryUsage();
  peak = { rss: Math.max(peak.rss, rss), external: Math.max(peak.external, external) };
  return { rss, external };
}

/** Connections of downloads and actions; undici names them here as soon as they stand. */
const upstreamSockets = new Set();
subscribe('undici:client:connected', ({ socket }) => upstreamSockets.add(socket));

process.on('message', (question) => {
  if (question === 'forget-peak') peak = { rss: 0, external: 0 };
  const current = sample();
  const upstreamBytesRead = [...upstreamSockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  process.send({ current, peak, upstreamBytesRead });
});
process.on('disconnect', () => process.exit(1));
process.channel.unref();
setInterval(sample, SAMPLE_EVERY_MS).unref();
