/** Longest wait a caller may ask for, seconds. */
const LONGEST_WAIT_SECONDS = 60;

/**
 * Milliseconds a caller is willing to wait by `Prefer: wait=N` (RFC 7240, section 4.3), 0 to 60 s. A preference that cannot be read or
 * honoured is ignored, as the RFC wants it.
 */
export function preferredWaitMs(prefer: string | readonly string[] | undefined): number {
  const [, seconds] = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)/i.exec([prefer ?? []].flat().join(',')) ?? [];
  return seconds === undefined ? 0 : Math.min(Number(seconds), LONGEST_WAIT_SECONDS) * 1_000;
}
