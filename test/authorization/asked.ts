import type { Backup } from './model.js';

/*
 * What can be asked of the gateway. Things are named by what they are to whoever asks, so that a failure reads well and what is left of it
 * after shrinking still means the same.
 */

export const subjects = ['one', 'two', 'desk'] as const;
export type Subject = (typeof subjects)[number];

/** Whose a session or an operation is: subjects are unique within their issuer only. */
export type Whose = 'caller' | 'other subject' | 'namesake at another issuer';

/** The organization of the person whose token it is, or the other one. */
export type Place = 'home' | 'abroad';

export type SessionRef =
  | { readonly of: Whose; readonly in: Place; readonly state: 'open' | 'stopped' }
  | { readonly of: 'nobody'; readonly id: string };

type Written = 'as it is' | 'in capitals';

/** A OneDrive of the person whose token it is, or of somebody by login, or an id that is none. */
export type OneDriveRef =
  | { readonly of: 'caller'; readonly number: number; readonly written: Written }
  | { readonly of: 'somebody'; readonly login: string; readonly number: number; readonly written: Written }
  | { readonly of: 'nobody'; readonly id: string };

/** A folder or document at the root of a OneDrive: of the one it is asked for in, or of another. */
export type ItemRef =
  | { readonly in: 'there' | OneDriveRef; readonly number: number; readonly written: Written }
  | { readonly in: 'nowhere'; readonly id: string };

/** What of a OneDrive is meant; several are named in the body. */
export interface Part {
  readonly kind: 'folder' | 'document';
  readonly items: readonly [ItemRef, ...ItemRef[]];
}

export type OrganizationRef = { readonly at: Place; readonly written: Written } | { readonly id: string };

export type TargetRef = OneDriveRef | { readonly of: 'user'; readonly login: string };

/** The four actions, with all that the policy decides by. */
export type ItemAction =
  | { readonly action: 'restore' | 'save' }
  | { readonly action: 'copy'; readonly target: TargetRef }
  | { readonly action: 'send'; readonly to: string; readonly from: string | undefined };

interface On {
  readonly surface: 'v1' | 'v5';
}

export interface AskedInGeneral extends On {
  readonly what: 'organizations' | 'sessions' | 'operations';
}

export interface AskedToOpen extends On {
  readonly what: 'open';
  readonly organization: OrganizationRef;
}

export interface AskedOfSession extends On {
  readonly what: 'session' | 'stop' | 'onedrives' | 'deviceCode' | 'explainDeviceCode';
  readonly session: SessionRef;
}

export interface AskedToBrowse extends On {
  readonly what: 'browse' | 'explainBrowse';
  readonly session: SessionRef;
  readonly oneDrive: OneDriveRef;
  /** Undefined: all of it. */
  readonly part?: Part | undefined;
}

export interface AskedToAct extends On {
  readonly what: 'act' | 'explain';
  readonly session: SessionRef;
  readonly oneDrive: OneDriveRef;
  readonly part?: Part | undefined;
  readonly act: ItemAction;
}

export interface AskedOfOperation extends On {
  readonly what: 'operation' | 'cancel';
  readonly of: Whose | 'nobody';
}

export type AskedInSession = AskedOfSession | AskedToBrowse | AskedToAct;
export type Asked = AskedInGeneral | AskedToOpen | AskedInSession | AskedOfOperation;

/** The id that a reference means in the mouth of somebody of this login. */
export function oneDriveIdOf(ref: OneDriveRef, login: string, backup: Backup): string {
  if (ref.of === 'nobody') return ref.id;
  const all = backup.oneDrivesOf(ref.of === 'caller' ? login : ref.login);
  const id = all[ref.number % Math.max(all.length, 1)] ?? NO_ONEDRIVE;
  return ref.written === 'in capitals' ? id.toUpperCase() : id;
}

/** The ids that the items of a part have in the mouth of somebody of this login. */
export function itemIdsOf(part: Part, oneDriveId: string, login: string, backup: Backup): string[] {
  return part.items.map((ref) => {
    if (ref.in === 'nowhere') return ref.id;
    const place = ref.in === 'there' ? oneDriveId : oneDriveIdOf(ref.in, login, backup);
    const all = backup.items(place, part.kind);
    const id = all[ref.number % Math.max(all.length, 1)] ?? NO_ITEM;
    return ref.written === 'in capitals' ? id.toUpperCase() : id;
  });
}

/** The name of the organization that a place means in the mouth of somebody of this login. */
export function organizationAt(place: Place, login: string, backup: Backup): string {
  const isHome = (name: string) => login.endsWith(`@${name}`);
  return backup.names.find((name) => isHome(name) === (place === 'home')) ?? '';
}

/** For who has none. */
const NO_ONEDRIVE = 'deadbeef-0000-4000-8000-00000000000000000000-0000-0000-0000-000000000000';

/** Where there are none of the kind. */
const NO_ITEM = 'deadbeef-0000-4000-8000-000000000000';
