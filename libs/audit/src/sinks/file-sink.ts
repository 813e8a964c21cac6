import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { AuditSink, SinkLine } from './audit-sink.js';

export interface FileSinkOptions {
  readonly name: string;
  readonly path: string;
}

const LINE_FEED = 0x0a;

/**
 * Appends NDJSON lines to a file. It is opened for each delivery, so that one that was renamed is followed by a new one of its name
 * at once, and is on disk (fdatasync) before the delivery counts.
 */
export class FileSink implements AuditSink {
  readonly name: string;

  constructor(private readonly options: FileSinkOptions) {
    this.name = options.name;
  }

  async deliver(lines: readonly SinkLine[]): Promise<void> {
    const file = await open(this.options.path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      // Half a line is what a crash left; the whole one is among those that come now.
      const before = (await endsWithinLine(file, size)) ? '\n' : '';
      await file.appendFile(before + lines.map(({ text }) => `${text}\n`).join(''));
      await file.datasync();
    } finally {
      await file.close();
    }
    await syncFolder(this.options.path);
  }
}

async function endsWithinLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== LINE_FEED;
}

/** The name of a new file, too, has to be on disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
