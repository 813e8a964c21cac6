import type { Organization } from '../../apps/veeam-sandbox/src/world/organizations.js';

/*
 * Who may do what, once more: written down from the design and the default policies, with nothing of the gateway in it. It knows no
 * requests and no answers, only people, roles and OneDrives.
 */

export type Claims = Readonly<Record<string, unknown>>;

/** What is configured of an issuer. */
export interface TrustedIssuer {
  readonly url: string;
  readonly organizations: readonly string[];
  readonly emailDomains: readonly string[];
}

/** One of `roleBindings`; every condition given must be met. */
export interface Binding {
  readonly role: 'operator' | 'auditor';
  readonly organizations: readonly string[];
  readonly issuer?: string | undefined;
  readonly group?: string | undefined;
  readonly tokenRole?: string | undefined;
  readonly scope?: string | undefined;
}

/** What is proven of a caller by token and configuration. */
export interface Asker {
  readonly issuer: TrustedIssuer;
  readonly subject: string;
  /** Of a person, lower-cased; undefined where the token names none that is sound, and for services. */
  readonly objectId: string | undefined;
  readonly verifiedEmail: string | undefined;
  readonly operatorOf: ReadonlySet<string>;
  /** Where a mix of several bindings, each met in part or for something else, would make an operator who is none. */
  readonly temptingFor: ReadonlySet<string>;
}

const sound = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const zeros = /^[0-]+$/;

export function askerOf(claims: Claims, issuer: TrustedIssuer, bindings: readonly Binding[]): Asker {
  const { sub, oid, email, email_verified: isVerified } = claims;
  const userName = claims.preferred_username as string | undefined;
  const namesPerson = userName !== undefined || email !== undefined || (oid !== undefined && oid !== sub);
  const isApplications = claims.idtyp === 'app' || (oid === undefined && sub === claims.client_id);
  const isPerson = namesPerson || !isApplications;
  const objectId = String(oid).toLowerCase();
  const address = String(email).toLowerCase();
  const isBelieved = isVerified === true && issuer.emailDomains.includes(address.split('@')[1] ?? '');
  const verifiedEmail = isPerson && isBelieved ? address : undefined;
  const met = bindings.filter((binding) => isMet(binding, claims, issuer));
  const operatorOf = namedIn(met.filter(({ role }) => role === 'operator')).filter((one) => speaksFor(issuer, one));
  return {
    issuer,
    subject: String(sub),
    objectId: isPerson && sound.test(objectId) && !zeros.test(objectId) ? objectId : undefined,
    verifiedEmail,
    operatorOf: new Set(operatorOf),
    temptingFor: new Set(namedIn(bindings).filter((one) => met.length > 0 && !operatorOf.includes(one))),
  };
}

function isMet({ issuer: only, group, tokenRole, scope }: Binding, claims: Claims, issuer: TrustedIssuer): boolean {
  if (only !== undefined && only !== issuer.url) return false;
  if (group !== undefined && !(claims.groups as string[]).includes(group)) return false;
  if (tokenRole !== undefined && !(claims.roles as string[]).includes(tokenRole)) return false;
  return scope === undefined || String(claims.scope).split(' ').includes(scope);
}

function namedIn(bindings: readonly Binding[]): string[] {
  return bindings.flatMap(({ organizations }) => organizations);
}

function speaksFor(issuer: TrustedIssuer, organization: string): boolean {
  return issuer.organizations.includes(organization);
}

/** The ids of what lies at the root of a OneDrive. */
export type Contents = Readonly<Record<'folder' | 'document', readonly string[]>>;

/** An organization as it is backed up, and what in it is whose. */
export class Backup {
  private readonly contents = new Map<string, Contents>();

  constructor(private readonly organizations: readonly Organization[]) {}

  get names(): string[] {
    return this.organizations.map(({ name }) => name);
  }

  idOf(organization: string): string {
    return this.named(organization).id;
  }

  oneDrives(organization: string): string[] {
    return this.named(organization).oneDrives.map(({ id }) => id);
  }

  has(organization: string, oneDriveId: string): boolean {
    return this.oneDrives(organization).includes(oneDriveId);
  }

  /** Remembers what is in a OneDrive. */
  holds(oneDriveId: string, contents: Contents): void {
    this.contents.set(oneDriveId, contents);
  }

  items(oneDriveId: string, kind: keyof Contents): readonly string[] {
    return this.contents.get(oneDriveId)?.[kind] ?? [];
  }

  /** For the others they do not exist, operators among them: one in production, and one of somebody who has left. */
  get keptBack(): readonly string[] {
    return this.oneDrivesOf(`bob@${this.names[0]}`).concat(this.oneDrivesOf(`laura.leaver@${this.names[0]}`));
  }

  /** Whether its owner is in the backup only. */
  isLeavers(oneDriveId: string | undefined): boolean {
    const all = this.organizations.flatMap(({ oneDrives }) => oneDrives);
    return all.some(({ id, owner }) => id === oneDriveId && !owner.isInProduction);
  }

  oneDrivesOf(login: string): string[] {
    const all = this.organizations.flatMap(({ oneDrives }) => oneDrives);
    return all.filter(({ owner }) => owner.login === login).map(({ id }) => id);
  }

  /** The one OneDrive that a copy to a user means, if it means one. */
  targetOf(organization: string, login: string): string | undefined {
    const users = this.named(organization).users.filter((user) => user.isInProduction && isSame(user.login, login));
    const [only, ...others] = users.flatMap((user) => this.oneDrivesOf(user.login));
    return others.length === 0 ? only : undefined;
  }

  /** What could be the asker's own: the OneDrives of the one user in production with the object id of the token. */
  own(asker: Asker, organization: string): string[] {
    const user = this.userOf(asker, organization);
    return user === undefined ? [] : this.oneDrivesOf(user.login);
  }

  private userOf({ issuer, objectId }: Asker, organization: string) {
    if (objectId === undefined || !speaksFor(issuer, organization)) return undefined;
    const users = this.named(organization).users.filter((user) => user.isInProduction && user.objectId === objectId);
    return users.length === 1 ? users[0] : undefined;
  }

  private named(organization: string): Organization {
    const found = this.organizations.find(({ name }) => name === organization);
    if (!found) throw new Error(`there is no ${organization}`);
    return found;
  }
}

/** The logins of the sandbox are ASCII. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
