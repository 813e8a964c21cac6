import type { Secret } from '@app/secrets';
import type { RestoreCredentials } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

/** Device codes of operations that this replica accepted and has not finished: they live in memory only. */
@Injectable()
export class HeldDeviceCodes {
  private readonly codes = new Map<string, { readonly userCode: Secret; readonly heldAt: Date }>();

  hold(operationId: string, userCode: Secret, heldAt: Date): void {
    this.codes.set(operationId, { userCode, heldAt });
  }

  credentials(operationId: string): RestoreCredentials | undefined {
    const held = this.codes.get(operationId);
    return held && { kind: 'device-code', userCode: held.userCode };
  }

  forget(operationId: string): void {
    this.codes.delete(operationId);
  }

  /** For operations that ended without this replica: another one has canceled them, say. */
  forgetHeldBefore(at: Date): void {
    for (const [operationId, { heldAt }] of this.codes) if (heldAt < at) this.forget(operationId);
  }
}
