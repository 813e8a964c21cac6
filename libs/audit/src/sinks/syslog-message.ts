import type { SinkLine } from './audit-sink.js';

/** Facility 13, "log audit" (RFC 5424, section 6.2.1). */
const FACILITY = 13;
const WARNING = 4;
const INFORMATIONAL = 6;

/**
 * A syslog message (RFC 5424) in a frame with its length in octets (RFC 5425 section 4.3, RFC 6587 section 3.4.1). PROCID is the process
 * that wrote the record, MSGID `record` or `head`; the message is the line, as UTF-8 without a byte order mark.
 * @param hostName printable ASCII, at most 255 characters
 */
export function syslogFrame({ kind, text, writer, time, isDenial }: SinkLine, hostName: string): string {
  const priority = FACILITY * 8 + (isDenial ? WARNING : INFORMATIONAL);
  const message = `<${priority}>1 ${time.toISOString()} ${hostName} restore-gateway ${writer} ${kind} - ${text}`;
  return `${Buffer.byteLength(message)} ${message}`;
}

/** A name as RFC 5424 takes it. */
export function syslogHostName(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, '').slice(0, 255) || '-';
}
