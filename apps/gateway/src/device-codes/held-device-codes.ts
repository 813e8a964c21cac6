import type { Secret } from '@app/secrets';
import type { RestoreCredentials } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

/** Device codes of operations that this replica accepted and has not finished: they live in memory only. */
@Injectable()
export class HeldDeviceCodes {
  private readonly codes = new Map<string, Secret>();

  hold(operationId: string, userCode: Secret): void {
    this.codes.set(operationId, userCode);
  }

  credentials(operationId: string): RestoreCredentials | undefined {
    const userCode = this.codes.get(operationId);
    return userCode && { kind: 'device-code', userCode };
  }

  forget(operationId: string): void {
    this.codes.delete(operationId);
  }
}
