import type { ApiServer, ApiServerParts } from '../http/api-server.js';
import type { SaveMode } from '../http/api-version.js';
import type { EmailSettings, Explorer } from '../world/email.js';
import type { AcceptedAction, ActionCount } from './accepted-actions.js';
import type { FaultMatch, FaultRule, Hold, HoldStage } from './faults.js';
import type { ReceivedRequest } from './received-requests.js';
import type { Save } from './saves.js';
import type { SentAnswer } from './sent-answers.js';

export interface ControlParts extends Omit<ApiServerParts, 'versions'> {
  readonly server: ApiServer;
  readonly username: string;
  readonly password: string;
  readonly restoreUserName: string;
  readonly restorePassword: string;
  readonly applicationId: string;
  /** PEM. */
  readonly applicationCertificate: string;
  readonly initial: Initial;
}

export interface Initial {
  readonly accessTokenSeconds: number;
  readonly sessionIdleSeconds: number;
  readonly bigOneDrive: { readonly bytes: number; readonly documents: number };
  readonly email: Partial<EmailSettings> | undefined;
}

export interface SessionState {
  readonly id: string;
  /** Opened to look into a backup, or for one restore of its own (from v8 on). */
  readonly kind: 'explore' | 'restore';
  readonly organizationId: string;
  readonly state: 'Working' | 'Stopped';
  readonly result: 'Success' | 'Warning' | 'Failed';
  readonly initiatedBy: string;
  /** When the backup was made that it shows; undefined: it shows none. */
  readonly backup: string | undefined;
}

/** What a test or a demonstration may ask of the sandbox behind its back: what it received, faults, and state. */
export class SandboxControl {
  constructor(private readonly parts: ControlParts) {}

  /** Every request since the start or the last clearing, in order of arrival. */
  received(): readonly ReceivedRequest[] {
    return this.parts.received.all();
  }

  /** Has every request told, from now on, before it is looked at. */
  onReceived(listener: (request: ReceivedRequest) => void): void {
    this.parts.received.onReceived = listener;
  }

  /** Has every answer told, from now on, before it goes out, but none that a fault makes. */
  onSent(listener: (answer: SentAnswer) => void): void {
    this.parts.sent.onSent = listener;
  }

  /** Has every token and device code told that is issued from now on. */
  onIssued(listener: (kind: 'token' | 'device-code', value: string) => void): void {
    const { logins, deviceCodes } = this.parts.world;
    logins.onIssued = (token) => {
      listener('token', token);
    };
    deviceCodes.onIssued = (userCode) => {
      listener('device-code', userCode);
    };
  }

  clearReceived(): void {
    this.parts.received.clear();
    this.parts.actions.clear();
    this.parts.saves.clear();
  }

  /** The restores, copies, sends and saves that were taken on, with the credentials that arrived. */
  actions(): readonly AcceptedAction[] {
    return this.parts.actions.all();
  }

  /** How often each action on each item was accepted. */
  actionCounts(): ActionCount[] {
    return this.parts.actions.counts();
  }

  saves(): readonly Save[] {
    return this.parts.saves.all();
  }

  /** The next download to begin; ask before causing it. */
  nextSave(): Promise<Save> {
    return this.parts.saves.next();
  }

  /** TCP connections of the API that are open now. */
  openConnections(): number {
    return this.parts.server.openConnections;
  }

  /** Returns the fault's id. */
  addFault(rule: FaultRule): number {
    return this.parts.faults.add(rule);
  }

  faults(): { id: number; left: number; rule: FaultRule }[] {
    return this.parts.faults.list();
  }

  removeFault(id: number): void {
    this.parts.faults.remove(id);
  }

  /** Forgets all faults and releases every hold. */
  clearFaults(): void {
    this.parts.faults.clear();
  }

  /** Puts up a barrier before which matching requests wait. */
  hold(match: FaultMatch, stage: HoldStage = 'received'): Hold {
    return this.parts.faults.hold(match, stage);
  }

  /** Holds restore, copy, send and save: accepted and recorded, not begun. In v8 the first two are answered meanwhile. */
  holdActions(stage: HoldStage = 'running'): Hold {
    return this.parts.faults.hold({ method: 'POST', route: 'OneDrives' }, stage);
  }

  holds(): readonly (Hold & { match: FaultMatch; stage: HoldStage })[] {
    return this.parts.faults.holds();
  }

  expireAccessTokens(): void {
    this.parts.world.logins.expireAccessTokens();
  }

  revokeRefreshTokens(): void {
    this.parts.world.logins.revokeRefreshTokens();
  }

  /** Lifetime of access tokens from now on. */
  setAccessTokenSeconds(seconds: number): void {
    this.parts.world.logins.setAccessTokenSeconds(seconds);
  }

  /** While set, both grants are refused as with a wrong password. */
  refuseLogin(isRefused = true): void {
    this.parts.world.logins.isRefused = isRefused;
  }

  /** A further password of the VB365 login, beside the ones accepted so far. */
  acceptPassword(password: string, userName = this.parts.username): void {
    this.parts.world.logins.acceptPassword(userName, password);
  }

  refusePassword(password: string, userName = this.parts.username): void {
    this.parts.world.logins.refusePassword(userName, password);
  }

  /** A further password of a Microsoft 365 account that restores log in with. */
  acceptRestorePassword(password: string, userName = this.parts.restoreUserName): void {
    this.parts.world.microsoft365.acceptPassword(userName, password);
  }

  refuseRestorePassword(password: string, userName = this.parts.restoreUserName): void {
    this.parts.world.microsoft365.refusePassword(userName, password);
  }

  /** A further certificate (PEM or DER) of an application that restores log in with. */
  acceptCertificate(applicationId: string, certificate: string | Buffer): void {
    this.parts.world.microsoft365.acceptCertificate(applicationId, certificate);
  }

  sessions(): SessionState[] {
    return this.parts.world.sessions.all().map(({ id, kind, organization, stoppedAt, result, options, backup }) => ({
      id,
      kind,
      organizationId: organization.id,
      state: stoppedAt ? 'Stopped' : 'Working',
      result,
      initiatedBy: options.initiatedBy,
      backup: backup?.toISOString(),
    }));
  }

  /** Upstream no longer knows it; a restore in it goes on. False when there is none. */
  forgetSession(id: string): boolean {
    return this.parts.world.sessions.forget(id);
  }

  /** Kills a session as if it had idled out, or stops its restore before the next document; false when there is none. */
  stopSession(id: string): boolean {
    const session = this.parts.world.sessions.find(id);
    session?.stop();
    return session !== undefined;
  }

  /**
   * Has calls that stop a session taken without an effect, until its state was read so often afterwards; for ever when absent. False when
   * there is none.
   */
  resistStop(id: string, looks = Infinity): boolean {
    const session = this.parts.world.sessions.find(id);
    session?.resistStop(looks);
    return session !== undefined;
  }

  /** Has the session log so many lines, as an earlier restore in it would have an hour ago. False when there is none. */
  fillLog(id: string, lines: number): boolean {
    const session = this.parts.world.sessions.find(id);
    const startedAt = new Date(Date.now() - 3_600_000);
    for (let line = 1; line <= lines; line++) {
      const title = `Restoring earlier/${line}.txt`;
      session?.log(
        { type: 'Restore', status: 'Success', title, message: title, itemName: `${line}.txt`, itemType: 'Document' },
        startedAt,
      );
    }
    return session !== undefined;
  }

  /** Resolves when no restore runs any more that was answered before its end. */
  settled(): Promise<void> {
    return this.parts.world.sessions.settled();
  }

  setSessionIdleSeconds(seconds: number): void {
    this.parts.world.sessions.idleSeconds = seconds;
  }

  setEmail(explorer: Explorer, settings: Partial<EmailSettings>): void {
    this.parts.world.email.change(explorer, settings);
  }

  /** Whether codes count as confirmed at once, and how long they live. */
  setDeviceCodes(settings: { confirmedByDefault?: boolean; expiresInSeconds?: number }): void {
    Object.assign(this.parts.world.deviceCodes, settings);
  }

  confirmDeviceCode(userCode: string): boolean {
    return this.parts.world.deviceCodes.confirm(userCode);
  }

  expireDeviceCodes(): void {
    this.parts.world.deviceCodes.expireAll();
  }

  setSaveMode(mode: Partial<SaveMode>): void {
    Object.assign(this.parts.settings.saveMode, mode);
  }

  setLenientJson(isLenient: boolean): void {
    this.parts.settings.lenientJson = isLenient;
  }

  /** While set, only `token` answers. */
  setOperatorAuthenticationOnly(isOn = true): void {
    this.parts.settings.operatorAuthenticationOnly = isOn;
  }

  /** The big synthetic OneDrive, as sessions opened from now on see it. */
  setBigOneDrive(size: { bytes?: number; documents?: number; manySmall?: number }): void {
    const numbers = Object.values(size);
    if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0) || size.documents === 0) {
      throw new Error('Sizes and counts are whole numbers, and there is at least one document.');
    }
    Object.assign(this.parts.world.files.bigOneDrive, size);
  }

  /** Made-up people with a OneDrive each, listed after the others, in sessions opened from now on. */
  setSyntheticOneDrives(count: number): void {
    this.parts.world.setSyntheticOneDrives(count);
  }

  /** When backups of all organizations were made, in sessions opened from now on; undefined: never. */
  setBackupTimes(times: { firstBackupAt?: Date | undefined; lastBackupAt?: Date | undefined }): void {
    this.parts.world.setBackupTimes(times);
  }

  /** As they were at the start. */
  resetBackupTimes(): void {
    this.parts.world.resetBackupTimes();
  }

  /** Back to the state of the start. Files in production stay; restores on their way break off. */
  reset(): void {
    const { world, settings, initial, username, password, restoreUserName, restorePassword } = this.parts;
    const { applicationId, applicationCertificate } = this.parts;
    world.sessions.clear();
    this.clearFaults();
    this.clearReceived();
    world.sessions.idleSeconds = initial.sessionIdleSeconds;
    world.logins.forget();
    world.logins.setAccessTokenSeconds(initial.accessTokenSeconds);
    world.logins.acceptPassword(username, password);
    world.microsoft365.forget();
    world.microsoft365.acceptCertificate(applicationId, applicationCertificate);
    world.microsoft365.acceptPassword(restoreUserName, restorePassword);
    Object.assign(world.deviceCodes, { confirmedByDefault: true, expiresInSeconds: 900 });
    world.email.forget();
    if (initial.email) {
      world.email.change('vesp', initial.email);
      world.email.change('veod', initial.email);
    }
    Object.assign(settings.saveMode, { contentLength: true, compressed: false });
    settings.lenientJson = true;
    settings.operatorAuthenticationOnly = false;
    Object.assign(world.files.bigOneDrive, { ...initial.bigOneDrive, manySmall: 0 });
    world.setSyntheticOneDrives(0);
    world.resetBackupTimes();
  }
}
