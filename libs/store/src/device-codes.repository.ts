import { and, eq, isNull } from 'drizzle-orm';

import type { Statements } from './database.js';
import type { SessionOwner, StoredRestoreSession } from './restore-sessions.repository.js';
import { deviceCodes } from './schema.js';

export interface StoredDeviceCode {
  readonly hash: string;
  readonly restoreSessionId: string;
  /** Upstream's session it was issued in: it works in no other. */
  readonly upstreamSessionId: string;
  readonly owner: SessionOwner;
  readonly expiresAt: Date;
}

/** Whose code it is, and in which upstream session. */
type CodePlace = Pick<StoredRestoreSession, 'id' | 'upstreamSessionId' | 'owner'>;

export class DeviceCodesRepository {
  constructor(private readonly database: Statements) {}

  async insert(code: StoredDeviceCode): Promise<void> {
    const { owner, ...columns } = code;
    await this.database.run((orm) =>
      orm.insert(deviceCodes).values({ ...columns, ownerIssuer: owner.issuer, ownerSubject: owner.subject }),
    );
  }

  /** A code that was issued to this caller for this session, as it goes by upstream now, and not used yet, expired or not. */
  async findUnused(hash: string, session: CodePlace): Promise<{ expiresAt: Date } | undefined> {
    const rows = await this.database.run((orm) =>
      orm.select({ expiresAt: deviceCodes.expiresAt }).from(deviceCodes).where(unused(hash, session)),
    );
    return rows[0];
  }

  /** Uses a code up. @returns false when somebody was quicker. */
  async use(hash: string, session: CodePlace, usedAt: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm.update(deviceCodes).set({ usedAt }).where(unused(hash, session)).returning({ hash: deviceCodes.hash }),
    );
    return rows.length === 1;
  }
}

function unused(hash: string, { id, upstreamSessionId, owner }: CodePlace) {
  return and(
    eq(deviceCodes.hash, hash),
    eq(deviceCodes.restoreSessionId, id),
    eq(deviceCodes.upstreamSessionId, upstreamSessionId),
    eq(deviceCodes.ownerIssuer, owner.issuer),
    eq(deviceCodes.ownerSubject, owner.subject),
    isNull(deviceCodes.usedAt),
  );
}
