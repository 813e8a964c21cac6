import { createHmac, hkdfSync } from 'node:crypto';

import { GatewayKeysRepository } from '@app/store';
import { Injectable } from '@nestjs/common';

/** Hashes of what is short enough to be guessed from a plain one. All replicas make the same. */
@Injectable()
export class KeyedHashes {
  private key: Promise<Buffer> | undefined;

  constructor(private readonly keys: GatewayKeysRepository) {}

  /**
   * @param purpose what hashes are made of: the same text has another one for another purpose
   * @throws StoreUnavailableError while the key was not read yet and cannot be
   */
  async of(purpose: 'device codes' | 'fingerprints'): Promise<(text: string) => string> {
    this.key ??= this.read();
    const key = Buffer.from(hkdfSync('sha256', await this.key, '', `restore-gateway ${purpose}`, 32));
    return (text) => createHmac('sha256', key).update(text).digest('base64url');
  }

  private async read(): Promise<Buffer> {
    try {
      return Buffer.from((await this.keys.ofKeyedHashes()).expose(), 'hex');
    } catch (error) {
      this.key = undefined;
      throw error;
    }
  }
}
