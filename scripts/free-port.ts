import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A TCP port of the loopback address that nobody listens on right now. */
export async function freePort(): Promise<number> {
  return await tryPort(0);
}

/** @throws with code EADDRINUSE or EACCES when nobody can listen on the port of the loopback address. */
export async function tryPort(port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: found } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return found;
}
