import { isIP, isIPv4, SocketAddress } from 'node:net';

/**
 * An address the one way it is written in logs and records: IPv6 in lower case and shortest form, IPv4 without the `::ffff:`
 * that a socket for both puts before it, no zone, no port (which some proxies add).
 * @returns undefined for what is no address: a header that came through a proxy may say anything
 */
export function sourceAddressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const [address = ''] = bare.split('%');
  if (isIPv4(address)) return address;
  if (isIP(address) === 0) return undefined;
  const shortest = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = shortest.replace(/^::ffff:/, '');
  return isIPv4(mapped) ? mapped : shortest;
}
