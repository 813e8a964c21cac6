import { and, eq, isNull } from 'drizzle-orm';

import type { Statements } from './database.js';
import type { SessionOwner } from './restore-sessions.repository.js';
import { deviceCodes } from './schema.js';

export interface StoredDeviceCode {
  readonly hash: string;
  readonly restoreSessionId: string;
  readonly owner: SessionOwner;
  readonly expiresAt: Date;
}

export class DeviceCodesRepository {
  constructor(private readonly database: Statements) {}

  async insert(code: StoredDeviceCode): Promise<void> {
    const { owner, ...columns } = code;
    await this.database.run((orm) =>
      orm.insert(deviceCodes).values({ ...columns, ownerIssuer: owner.issuer, ownerSubject: owner.subject }),
    );
  }

  /** A code that was issued to this caller for this session and not used yet, expired or not. */
  async findUnused(
    hash: string,
    restoreSessionId: string,
    owner: SessionOwner,
  ): Promise<{ expiresAt: Date } | undefined> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ expiresAt: deviceCodes.expiresAt })
        .from(deviceCodes)
        .where(unused(hash, restoreSessionId, owner)),
    );
    return rows[0];
  }

  /** Uses a code up. @returns false when somebody was quicker. */
  async use(hash: string, restoreSessionId: string, owner: SessionOwner, usedAt: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(deviceCodes)
        .set({ usedAt })
        .where(unused(hash, restoreSessionId, owner))
        .returning({ hash: deviceCodes.hash }),
    );
    return rows.length === 1;
  }
}

function unused(hash: string, restoreSessionId: string, owner: SessionOwner) {
  return and(
    eq(deviceCodes.hash, hash),
    eq(deviceCodes.restoreSessionId, restoreSessionId),
    eq(deviceCodes.ownerIssuer, owner.issuer),
    eq(deviceCodes.ownerSubject, owner.subject),
    isNull(deviceCodes.usedAt),
  );
}
