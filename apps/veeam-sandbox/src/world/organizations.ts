import { contoso, fabrikam, people, type KnownOrganization, type Person } from '../people.js';
import { emptyGuid, guidOf, oneDriveIdOf } from './deterministic-id.js';

/** What a OneDrive holds where the served folder has no sub-folder of its name. */
export type DefaultContent = 'shared-files' | 'nothing' | 'a-note' | 'synthetic-big';

export interface OneDrive {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Folder in the served files and in production. */
  readonly folderName: string;
  readonly owner: User;
  readonly defaultContent: DefaultContent;
}

export interface User {
  readonly id: string;
  /** The immutable id in the cloud directory; undefined for somebody known on premises only. */
  readonly objectId: string | undefined;
  readonly login: string;
  readonly displayName: string;
  readonly locationType: 'Cloud' | 'OnPremises' | 'Hybrid';
  /** False for a leaver: in the backup, no longer in Microsoft 365. */
  readonly isInProduction: boolean;
}

/** When backups were made; undefined: never. */
export interface BackupTimes {
  readonly firstBackupAt: Date | undefined;
  readonly lastBackupAt: Date | undefined;
}

export interface Organization extends KnownOrganization, BackupTimes {
  /** The tenant's id at Microsoft. */
  readonly msid: string;
  /** Its id in the backup repositories. */
  readonly backedUpId: string;
  readonly users: readonly User[];
  /** Everything that is in the backup. */
  readonly oneDrives: readonly OneDrive[];
}

const day = 24 * 60 * 60 * 1000;
const backupsKept = 30;

/** Backups ran daily for the last 30 days, the last one an hour before the start, on the full second. */
export function backupTimes(startedAt: Date): BackupTimes {
  const last = Math.floor((startedAt.getTime() - 60 * 60 * 1000) / 1000) * 1000;
  return { firstBackupAt: new Date(last - (backupsKept - 1) * day), lastBackupAt: new Date(last) };
}

/** The backup that a moment means: the last one at or before it; undefined before the first, or where there is none. */
export function backupAt({ firstBackupAt, lastBackupAt }: BackupTimes, moment: Date): Date | undefined {
  if (!firstBackupAt || !lastBackupAt || moment < firstBackupAt) return undefined;
  if (moment >= lastBackupAt) return lastBackupAt;
  const days = Math.floor((moment.getTime() - firstBackupAt.getTime()) / day);
  return new Date(firstBackupAt.getTime() + days * day);
}

export function makeOrganizations(
  startedAt: Date,
  synthetic: { oneDrives: number },
  times = backupTimes(startedAt),
): Organization[] {
  return [makeContoso(times, synthetic.oneDrives), makeFabrikam(times)];
}

function makeContoso(times: BackupTimes, syntheticOneDrives: number): Organization {
  const alice = cloudUser(people.alice);
  const bob = cloudUser(people.bob);
  const laura = { ...somebody('laura.leaver', 'Laura Leaver'), isInProduction: false };
  const emil = somebody('emil.empty', 'Emil Empty');
  const hanna = hybridUser('hanna.hybrid', 'Hanna Hybrid');
  const otto = onPremisesUser('otto.onprem', 'Otto Onprem');
  const vera = somebody('vera.vast', 'Vera Vast');
  const gina = somebody('gina_partner.example#EXT#', 'Gina Guest');
  const trixie = somebody('trixie.three', 'Trixie Three');
  const king = somebody('Maria.King', 'Maria King');
  const lookAlike = somebody('maria.\u212Aing', 'Maria King');
  const tom = somebody('tom.twin', 'Tom Twin');
  const tim = twinOf(tom, 'tim.twin', 'Tim Twin');
  const crowd = Array.from({ length: syntheticOneDrives }, (_, i) => {
    const number = String(i + 1).padStart(5, '0');
    return somebody(`synthetic-${number}`, `Synthetic ${number}`);
  });
  return {
    ...contoso,
    ...idsOf(contoso),
    ...times,
    users: [
      alice,
      bob,
      ...[people.oscar, people.audrey, people.mallory].map(cloudUser),
      laura,
      emil,
      hanna,
      otto,
      vera,
      ...[gina, trixie, king, lookAlike, tom, tim],
      ...crowd,
    ],
    oneDrives: [
      oneDrive(alice, 'shared-files'),
      oneDrive(bob, 'shared-files'),
      oneDrive(laura, 'a-note'),
      oneDrive(emil, 'nothing'),
      oneDrive(hanna, 'a-note'),
      oneDrive(hanna, 'a-note', 2),
      oneDrive(otto, 'a-note'),
      oneDrive(vera, 'synthetic-big'),
      ...[1, 2, 3].map((number) => oneDrive(trixie, 'a-note', number)),
      ...[king, lookAlike, tom, tim].map((user) => oneDrive(user, 'a-note')),
      ...crowd.map((user) => oneDrive(user, 'a-note')),
    ],
  };
}

function makeFabrikam(times: BackupTimes): Organization {
  const fred = cloudUser(people.fred);
  const greta = somebody('greta', 'Greta', fabrikam);
  return {
    ...fabrikam,
    ...idsOf(fabrikam),
    ...times,
    users: [fred, greta],
    oneDrives: [oneDrive(fred, 'shared-files'), oneDrive(greta, 'a-note')],
  };
}

function idsOf({ name }: KnownOrganization): Pick<Organization, 'msid' | 'backedUpId'> {
  return { msid: guidOf(`tenant:${name}`), backedUpId: guidOf(`backup:${name}`).replaceAll('-', '') };
}

function cloudUser({ login, displayName, objectId }: Person): User {
  return { id: objectId + emptyGuid, objectId, login, displayName, locationType: 'Cloud', isInProduction: true };
}

function somebody(name: string, displayName: string, organization = contoso): User {
  const login = `${name}@${organization.name}`;
  return cloudUser({ login, displayName, objectId: guidOf(`user:${login}`), organization });
}

/** Ids of people with an account on premises end in their SID, in base64: `/`, `+` and `=` must survive URLs. */
function hybridUser(name: string, displayName: string): User {
  const user = somebody(name, displayName);
  const id = `${user.objectId ?? ''}${guidOf(`on-premises:${user.login}`)}AQUAAAAAAAUVAAAA+/8/BIix/2kafNW0dAQAAA==`;
  return { ...user, id, locationType: 'Hybrid' };
}

/** Somebody else with the same object id, which no directory should hold. */
function twinOf({ objectId = '' }: User, name: string, displayName: string): User {
  const user = somebody(name, displayName);
  return { ...user, id: objectId + guidOf(`on-premises:${user.login}`), objectId };
}

function onPremisesUser(name: string, displayName: string): User {
  const id = `${emptyGuid}d6d5c441-6c14-411a-9147-53f31a16d225AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==`;
  return { ...somebody(name, displayName), id, objectId: undefined, locationType: 'OnPremises' };
}

function oneDrive(owner: User, defaultContent: DefaultContent, number = 1): OneDrive {
  const suffix = number === 1 ? '' : `-${number}`;
  const folderName = owner.login + suffix;
  const tenant = owner.login.slice(owner.login.indexOf('@') + 1).split('.')[0] ?? '';
  const site = owner.login.replace(/[^a-z0-9]/g, '_') + suffix.replace('-', '');
  return {
    id: oneDriveIdOf(folderName),
    name: owner.displayName,
    url: `https://${tenant}-my.sharepoint.com/personal/${site}`,
    folderName,
    owner,
    defaultContent,
  };
}
