import type { FastifyReply } from 'fastify';

/** What hooks have set so far (security headers, request id) and `reply.raw` would not carry by itself. */
export function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
