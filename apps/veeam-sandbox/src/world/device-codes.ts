import { randomInt } from 'node:crypto';
import { badRequest } from './sandbox-error.js';

interface IssuedCode {
  readonly sessionId: string;
  readonly expiresAt: number;
  isConfirmed: boolean;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** Codes that a person would confirm at Microsoft. Here they count as confirmed at once unless a test wants otherwise. */
export class DeviceCodes {
  private readonly issued = new Map<string, IssuedCode>();
  confirmedByDefault = true;
  expiresInSeconds = 900;
  onIssued: (userCode: string) => void = () => undefined;

  constructor(readonly applicationId: string) {}

  issue(sessionId: string, targetApplicationId: string): { userCode: string; expiresInSeconds: number } {
    if (targetApplicationId.toLowerCase() !== this.applicationId) {
      throw badRequest(
        `AADSTS700016: Application with identifier '${targetApplicationId}' was not found in the directory.`,
      );
    }
    const userCode = Array.from({ length: 9 }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
    this.issued.set(userCode, {
      sessionId,
      expiresAt: Date.now() + this.expiresInSeconds * 1000,
      isConfirmed: this.confirmedByDefault,
    });
    this.onIssued(userCode);
    return { userCode, expiresInSeconds: this.expiresInSeconds };
  }

  /** False when no such code waits. */
  confirm(userCode: string): boolean {
    const code = this.issued.get(userCode);
    if (code) code.isConfirmed = true;
    return code !== undefined;
  }

  /** Whether somebody confirmed it and it still works. */
  isConfirmed(userCode: string): boolean {
    const code = this.issued.get(userCode);
    return code !== undefined && code.isConfirmed && code.expiresAt > Date.now();
  }

  /** A code works once, for its own session, in its time. */
  use(userCode: string, sessionId: string): void {
    const code = this.issued.get(userCode);
    if (code?.sessionId !== sessionId) {
      throw badRequest('AADSTS70000: The provided device code is not valid.');
    }
    if (code.expiresAt <= Date.now()) {
      this.issued.delete(userCode);
      throw badRequest('AADSTS70020: The provided device code has expired.');
    }
    if (!code.isConfirmed) throw badRequest('AADSTS70016: The device code has not been confirmed yet.');
    this.issued.delete(userCode);
  }

  expireAll(): void {
    for (const [userCode, code] of this.issued) this.issued.set(userCode, { ...code, expiresAt: 0 });
  }
}
