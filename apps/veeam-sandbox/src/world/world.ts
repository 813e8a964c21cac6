import { BackupFiles } from './backup-files.js';
import { DeviceCodes } from './device-codes.js';
import { Email } from './email.js';
import { Logins } from './logins.js';
import { Microsoft365 } from './microsoft-365.js';
import { backupTimes, type BackupTimes, makeOrganizations, type Organization } from './organizations.js';
import { Production } from './production.js';
import { ResultSets } from './result-sets.js';
import { RestoreSessions } from './restore-sessions.js';

export interface WorldOptions {
  readonly filesDir: string;
  readonly historyDir: string | undefined;
  readonly productionDir: string;
  readonly accessTokenSeconds: number;
  readonly sessionIdleSeconds: number;
  readonly deviceCodeApplicationId: string;
  readonly bigOneDrive: { bytes: number; documents: number };
  readonly organizations: readonly { readonly name: string; readonly id?: string }[] | undefined;
}

/** Everything behind the API, the same for every version of it. */
export class World {
  private readonly startedAt = new Date();
  private times = backupTimes(this.startedAt);
  private syntheticOneDrives = 0;
  private made: readonly Organization[] = [];
  readonly logins: Logins;
  readonly files: BackupFiles;
  readonly sessions: RestoreSessions;
  readonly deviceCodes: DeviceCodes;
  readonly microsoft365: Microsoft365;
  readonly production: Production;
  readonly email = new Email();
  readonly resultSets = new ResultSets();

  constructor(private readonly options: WorldOptions) {
    this.make();
    this.logins = new Logins(options.accessTokenSeconds);
    this.files = new BackupFiles(options.filesDir, options.historyDir, () => this.made, {
      ...options.bigOneDrive,
      manySmall: 0,
    });
    this.sessions = new RestoreSessions(this.files, options.sessionIdleSeconds);
    this.deviceCodes = new DeviceCodes(options.deviceCodeApplicationId);
    this.microsoft365 = new Microsoft365(this.deviceCodes);
    this.production = new Production(options.productionDir);
  }

  get organizations(): readonly Organization[] {
    return this.made;
  }

  findOrganization(id: string): Organization | undefined {
    return this.made.find((organization) => organization.id === id.toLowerCase());
  }

  /** Adds this many made-up people with a OneDrive each to contoso, after the others; sessions see them once opened anew. */
  setSyntheticOneDrives(count: number): void {
    this.syntheticOneDrives = count;
    this.make();
  }

  /** When backups of all organizations were made, from now on; sessions that are open go on showing theirs. */
  setBackupTimes(times: Partial<BackupTimes>): void {
    this.times = { ...this.times, ...times };
    this.make();
  }

  resetBackupTimes(): void {
    this.setBackupTimes(backupTimes(this.startedAt));
  }

  private make(): void {
    const made = makeOrganizations(this.startedAt, { oneDrives: this.syntheticOneDrives }, this.times);
    const { organizations = made } = this.options;
    this.made = organizations.flatMap(({ name, id }) =>
      made.filter((organization) => organization.name === name).map((known) => ({ ...known, id: id ?? known.id })),
    );
  }
}
