import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { Caller, operationIdOf } from './support/caller.js';
import { type GatewayProcess, type Measurement, startGatewayProcess } from './support/gateway-process.js';
import { rawRequest } from './support/raw-caller.js';
import { type Neighbours, startNeighbours } from './support/world.js';

jest.setTimeout(300_000);

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZE = (process.env.TEST_FULL ? 2_048 : 512) * MIB;

/** A caller on a poor line: so much at a time, so often, for so long. */
const SIP = 64 * KIB;
const SIP_EVERY_MS = 100;
const SIPPING_MS = 5_000;

/** The promise is 4 MiB; what is needed is a chunk that is held back, one on its way, and the marks of the streams. */
const MOST_HELD = 512 * KIB;

describe('the memory of a gateway that streams', () => {
  let neighbours: Neighbours;
  let gateway: GatewayProcess;
  let oscar: Caller;
  let path: string;

  beforeAll(async () => {
    neighbours = await startNeighbours({ bigOneDrive: { bytes: SIZE, documents: 4 } });
    gateway = await startGatewayProcess(neighbours);
    oscar = new Caller(gateway.url, await neighbours.sso.token('oscar'));
    const sid = await oscar.openSession();
    path = `/api/v1/restore-sessions/${sid}/onedrives/${await oscar.oneDriveNamed(sid, 'Vera Vast')}/save`;
  });
  afterAll(async () => {
    await gateway.close();
    await neighbours.close();
  });

  it(`does not grow with a download of ${SIZE / MIB} MiB, whose bytes and digest are those the caller got`, async () => {
    await download();
    const { current: before } = await gateway.forgetPeak();
    const startedAt = Date.now();
    const { id, bytes, sha256 } = await download();
    const seconds = (Date.now() - startedAt) / 1_000;
    const { peak } = await gateway.measure();

    const grown = { external: peak.external - before.external, rss: peak.rss - before.rss };
    report(
      `${SIZE / MIB} MiB in ${seconds.toFixed(1)} s: external +${mib(grown.external)} MiB to ${mib(peak.external)} MiB, ` +
        `RSS +${mib(grown.rss)} MiB to ${mib(peak.rss)} MiB`,
    );
    expect(bytes).toBeGreaterThanOrEqual(SIZE);
    expect(await oscar.endOf(id)).toMatchObject({ state: 'succeeded', bytes, sha256 });
    expect(grown.external).toBeLessThan(16 * MIB);
    expect(grown.rss).toBeLessThan(64 * MIB);
  });

  it('holds less than 512 KiB for a slow caller: bytes read from upstream, but neither in the kernel nor with the caller', async () => {
    const saving = neighbours.veeam.control.nextSave();
    const before = await gateway.measure();
    const socket = await rawRequest(gateway.url, { path, token: oscar.token });
    const held: number[] = [];
    const ahead: number[] = [];
    try {
      const save = await saving;
      const sips = sipSlowly(socket, SIPPING_MS);
      const sipping = { isOver: false };
      void sips.finally(() => (sipping.isOver = true));
      while (!sipping.isOver) {
        const sample = await heldBy(gateway, socket, before);
        if (sample !== undefined) held.push(sample);
        ahead.push(save.bytesWritten - socket.bytesRead);
        await pause(SIP_EVERY_MS / 4);
      }
      await sips;
      expect(socket.bytesRead).toBeGreaterThan(SIP);
    } finally {
      socket.destroy();
    }
    report(
      `${held.length} samples: the gateway held at most ${mib(Math.max(...held))} MiB; with all the kernel's buffers upstream ` +
        `had written up to ${mib(Math.max(...ahead))} MiB more than the caller had read`,
    );
    expect(held.length).toBeGreaterThan(10);
    expect(Math.max(...held)).toBeGreaterThan(0);
    expect(Math.max(...held)).toBeLessThan(MOST_HELD);
    expect((await (await saving).ended) as string).toBe('aborted');
  });

  async function download(): Promise<{ id: string; bytes: number; sha256: string }> {
    const response = await oscar.fetch('POST', path, '{}');
    expect(response.status).toBe(200);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { id: operationIdOf(response.headers), bytes, sha256: hash.digest('hex') };
  }
});

/** Takes a sip from the connection now and then, and leaves the rest to pile up. */
async function sipSlowly(socket: Socket, forMs: number): Promise<void> {
  socket.pause();
  const end = Date.now() + forMs;
  while (Date.now() < end) {
    if (socket.readableLength < SIP) await Promise.race([once(socket, 'readable'), pause(SIP_EVERY_MS)]);
    socket.read(Math.min(SIP, socket.readableLength || SIP));
    await pause(SIP_EVERY_MS);
  }
}

/**
 * Bytes that the gateway took from upstream's connection and has not handed to the kernel: all that it read, less what the
 * caller read, less what the kernel holds between the two. Undefined while things move too fast to be looked at together.
 */
async function heldBy(gateway: GatewayProcess, socket: Socket, before: Measurement): Promise<number | undefined> {
  const passed = () => socket.bytesRead + bytesInKernel(gateway.port, socket.localPort ?? 0);
  const passedBefore = passed();
  const { upstreamBytesRead } = await gateway.measure();
  const passedAfter = passed();
  return passedBefore === passedAfter ? upstreamBytesRead - before.upstreamBytesRead - passedAfter : undefined;
}

/** What waits in both ends of a connection on loopback, to be sent or to be read (proc(5), /proc/net/tcp). */
function bytesInKernel(serverPort: number, clientPort: number): number {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const [server, client] = [hex(serverPort), hex(clientPort)];
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '']) =>
      [`${server} ${client}`, `${client} ${server}`].includes(`${local.split(':')[1]} ${remote.split(':')[1]}`),
    )
    .flatMap(([, , , , queues = '']) => queues.split(':'))
    .reduce((sum, queue) => sum + Number.parseInt(queue, 16), 0);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(2);
}

/** Measurements are worth reading also where they are good enough. */
function report(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
