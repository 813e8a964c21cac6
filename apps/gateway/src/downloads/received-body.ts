import { UpstreamBrokenError } from '@app/problems';
import { createHash } from 'node:crypto';
import { ZipEndCheck } from './zip-end.js';

/** What came from upstream so far: counted, hashed, and looked at for its end, without being kept. */
export class ReceivedBody {
  private readonly hash = createHash('sha256');
  private readonly zipEnd: ZipEndCheck | undefined;
  private bytes = 0;

  constructor(
    private readonly contentLength: number | undefined,
    isZip: boolean,
  ) {
    this.zipEnd = isZip ? new ZipEndCheck() : undefined;
  }

  /** @throws UpstreamBrokenError when it gets longer than it said. */
  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.contentLength !== undefined && this.bytes > this.contentLength) {
      throw new UpstreamBrokenError('The backup server sent more than it had announced.');
    }
    this.hash.update(chunk);
    this.zipEnd?.push(chunk);
  }

  /**
   * Asked for once, at the end. The hash is lower-case hexadecimal.
   * @throws UpstreamBrokenError when the end is missing.
   */
  close(): { bytes: number; sha256: string } {
    if (this.contentLength !== undefined && this.bytes < this.contentLength) {
      throw new UpstreamBrokenError(`The backup server sent ${this.bytes} of ${this.contentLength} bytes.`);
    }
    if (this.zipEnd?.verdict() === 'cut') {
      throw new UpstreamBrokenError('What the backup server sent does not end as a ZIP file ends.');
    }
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}
