import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import {
  DeviceCodeExpiredError,
  DeviceCodeNotConfirmedError,
  DeviceCodeUnknownError,
  NoCredentialProfileError,
  UpstreamRejectedError,
} from '@app/problems';
import type { Secret } from '@app/secrets';
import { DeviceCodesRepository, type Statements } from '@app/store';
import { BackupServers, type DeviceCode } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { KeyedHashes } from '../infrastructure/keyed-hashes.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { AuthorizationService } from '../policy/authorization.service.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';

export interface IssuedDeviceCode extends DeviceCode {
  readonly expiresAt: Date;
}

/** One-time codes that a person confirms at Microsoft instead of a credential profile: issued per caller and session. */
@Injectable()
export class DeviceCodesService {
  constructor(
    private readonly authorization: AuthorizationService,
    private readonly sessions: RestoreSessionsService,
    private readonly servers: BackupServers,
    private readonly deviceCodes: DeviceCodesRepository,
    private readonly trail: AuditTrail,
    private readonly keyedHashes: KeyedHashes,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'organizations'>,
  ) {}

  async issue(principal: Principal, sid: string): Promise<IssuedDeviceCode> {
    return this.sessions.use(principal, sid, async (session) => {
      await this.authorization.deviceCode(principal, session);
      const issued = await this.servers.of(session).requestDeviceCode(session.upstreamSessionId, {
        applicationId: this.applicationOf(session),
      });
      const expiresAt = new Date(this.clock.now() + issued.expiresInSeconds * 1_000);
      const code = {
        hash: await this.hash(issued.userCode),
        restoreSessionId: session.id,
        upstreamSessionId: session.upstreamSessionId,
        owner: session.owner,
        expiresAt,
      };
      await this.trail.issuingDeviceCode(principal, session, (statements) =>
        new DeviceCodesRepository(statements).insert(code),
      );
      return { ...issued, expiresAt };
    });
  }

  /**
   * What uses a code up for one operation; false when somebody was quicker.
   * @throws DeviceCodeUnknownError unless it was issued to this caller for this session, as it goes by upstream now, and not used yet
   * @throws DeviceCodeExpiredError
   * @throws DeviceCodeNotConfirmedError where upstream can be asked; it is still good then
   */
  async use(session: RestoreSession, userCode: Secret): Promise<(statements: Statements) => Promise<boolean>> {
    const hash = await this.hash(userCode);
    const found = await this.deviceCodes.findUnused(hash, session);
    if (found === undefined) {
      throw unknownDeviceCode();
    }
    const now = this.clock.now();
    if (found.expiresAt.getTime() <= now) {
      throw new DeviceCodeExpiredError('The device code has expired; ask for a new one.');
    }
    await this.mustBeConfirmed(session, userCode);
    return (statements) => new DeviceCodesRepository(statements).use(hash, session, new Date(now));
  }

  private async mustBeConfirmed(session: RestoreSession, userCode: Secret): Promise<void> {
    const client = this.servers.of(session);
    if (!(await client.capabilities()).deviceCodeCheck) return;
    const { isConfirmed } = await client.checkDeviceCode(userCode).catch((error: unknown) => {
      throw error instanceof UpstreamRejectedError ? unknownDeviceCode(error) : error;
    });
    if (!isConfirmed) {
      throw new DeviceCodeNotConfirmedError('Nobody has confirmed the device code at Microsoft yet.');
    }
  }

  private applicationOf({ organizationName }: RestoreSession): string {
    const organization = this.configuration.organizations.find(({ name }) => name === organizationName);
    if (organization?.deviceCodeApplicationId === undefined) {
      throw new NoCredentialProfileError('No application is configured for device codes of the organization.');
    }
    return organization.deviceCodeApplicationId;
  }

  private async hash(userCode: Secret): Promise<string> {
    const hash = await this.keyedHashes.of('device codes');
    return hash(userCode.expose());
  }
}

/** @param cause why upstream takes it for none, where it was asked */
export function unknownDeviceCode(cause?: UpstreamRejectedError): DeviceCodeUnknownError {
  return new DeviceCodeUnknownError('This device code was not issued to you for this restore session, or was used.', {
    cause,
  });
}
