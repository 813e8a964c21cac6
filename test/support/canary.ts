import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import pg from 'pg';

/**
 * Where a secret could turn up. Upstream is four: a login, a restore or copy, a change of its mail server, and all else it is sent. A command
 * is what one prints, and an argument what others on its machine can see of a process.
 */
export type Sink =
  | 'response'
  | 'log'
  | 'metrics'
  | 'openapi'
  | 'database'
  | 'audit-sink'
  | 'webhook'
  | 'upstream-login'
  | 'upstream-action'
  | 'upstream-mail'
  | 'upstream'
  | 'argument'
  | 'command';

interface KnownSecret {
  readonly name: string;
  readonly value: string;
  readonly belongsIn: readonly Sink[];
}

interface Watched {
  readonly sink: Sink;
  readonly read: () => string | Promise<string>;
}

/** Of one connection; files that are downloaded are not looked through to their end. */
const MOST_SEEN_BYTES = 4 * 1024 * 1024;
/** Anything shorter occurs by chance. */
const SHORTEST = 6;

/**
 * Knows the secrets of one world and looks for them in all that its gateways write: whatever a spec does, at its end none of them may have
 * turned up anywhere but at its own peer. It shares no code with the scrubber it is to find wanting.
 */
export class Canary {
  private readonly secrets = new Map<string, KnownSecret>();
  private readonly watched: Watched[] = [];

  /** @param belongsIn where it may be seen */
  knows(name: string, value: string, ...belongsIn: Sink[]): void {
    if (value.length >= SHORTEST) this.secrets.set(value, { name, value, belongsIn });
  }

  forgets(value: string): void {
    this.secrets.delete(value);
  }

  watch(sink: Sink, read: Watched['read']): void {
    this.watched.push({ sink, read });
  }

  /** Looks at every byte that goes out to callers, whatever they read it with. */
  watchServer(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const sent: Buffer[] = [];
      let bytes = 0;
      const write = socket.write.bind(socket) as (chunk: unknown, ...rest: unknown[]) => boolean;
      socket.write = (chunk: unknown, ...rest: unknown[]) => {
        if (bytes < MOST_SEEN_BYTES && (typeof chunk === 'string' || chunk instanceof Uint8Array)) {
          const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
          const seen = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
          bytes += seen.length;
          sent.push(seen);
        }
        return write(chunk, ...rest);
      };
      this.watch('response', () => Buffer.concat(sent).toString('latin1'));
    });
  }

  /** Looks at every row of every table. @param ownerUrl of a database that may be gone by then */
  watchDatabase(ownerUrl: string): void {
    this.watch('database', () => rowsOf(ownerUrl));
  }

  /** What turned up where it does not belong: each secret by its name, once for each kind of place. */
  async leaks(): Promise<string[]> {
    const found = new Set<string>();
    const secrets = [...this.secrets.values()].map((secret) => ({
      ...secret,
      forms: formsOf(secret.value),
      hex: hexOf(secret.value),
    }));
    for (const { sink, read } of this.watched) {
      const text = await read();
      if (text === '') continue;
      const whole = inWholePieces(text);
      const lower = whole.toLowerCase();
      for (const { name, belongsIn, forms, hex } of secrets) {
        if (belongsIn.includes(sink) || found.has(`${name} in ${sink}`)) continue;
        const isThere = forms.some((form) => whole.includes(form)) || lower.includes(hex);
        if (isThere) found.add(`${name} in ${sink}`);
      }
    }
    return [...found].sort();
  }

  /** @throws Error that names what turned up where */
  async expectNoLeak(): Promise<void> {
    const leaks = await this.leaks();
    if (leaks.length > 0) throw new Error(`Secrets turned up where they do not belong:\n${leaks.join('\n')}`);
  }
}

/** Without what HTTP puts between the chunks of a body (RFC 9112, section 7.1), which may fall into the middle of a secret. */
function inWholePieces(text: string): string {
  return text.replace(/\r\n[0-9a-f]{1,8}\r\n/gi, (frame, index: number) => (index === 0 ? frame : ''));
}

/** Each once: most secrets need no escaping. */
function formsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const base64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString('base64');
    // What its neighbours have a part in is left out at both ends.
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + Buffer.byteLength(value)) * 8) / 6));
  });
  const urlSafe = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  // As `JSON.stringify` writes a Buffer.
  const octets = [...Buffer.from(value)].join(',');
  const escaped = [json, JSON.stringify(json).slice(1, -1), encodeURIComponent(value)];
  return [...new Set([value, ...escaped, octets, ...base64, ...urlSafe])];
}

function hexOf(value: string): string {
  return Buffer.from(value).toString('hex');
}

async function rowsOf(url: string): Promise<string> {
  const owner = new pg.Client({ connectionString: url });
  try {
    await owner.connect();
    const { rows: tables } = await owner.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await owner.query<{ text: string | null }>(
        `select string_agg(t::text, E'\\n') as text from ${name} as t`,
      );
      texts.push(rows[0]?.text ?? '');
    }
    return texts.join('\n');
  } catch (error) {
    // Specs of what happens without a database have dropped it.
    if (error instanceof pg.DatabaseError && error.code === '3D000') return '';
    throw error;
  } finally {
    await owner.end();
  }
}
