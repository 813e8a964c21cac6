import type { IncomingMessage } from 'node:http';

/* The vendor publishes neither name; these are invented. */

const cookieName = 'sandbox-antiforgery';
const headerName = 'x-sandbox-antiforgery';

/** How a login hands the token out: the client sends the cookie back by itself, the header it must copy. */
export function antiforgeryHeaders(token: string): Record<string, string> {
  return { 'set-cookie': `${cookieName}=${token}; path=/; secure; httponly; samesite=strict`, [headerName]: token };
}

export function hasAntiforgery({ headers }: IncomingMessage, token: string): boolean {
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  return headers[headerName] === token && cookies.includes(`${cookieName}=${token}`);
}
