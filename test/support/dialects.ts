import type { ApiVersion } from '@app/config';

/** A restore session and a OneDrive in it, as upstream calls them. */
interface Place {
  readonly upstreamSid: string;
  readonly oneDriveId: string;
}

/** An action as it must arrive upstream. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

interface CopyChoices {
  /** As upstream calls it. */
  readonly target: unknown;
  readonly folder?: string;
  readonly documentVersion: 'last' | 'all';
  readonly documentLastVersionAction: 'merge' | 'overwrite';
  readonly changedItems: boolean;
  readonly deletedItems: boolean;
  readonly restorePermissions: boolean;
  readonly sendSharedLinksNotification: boolean;
}

/** How a version wants actions on a OneDrive written, by the documents of the vendor. */
interface Wire {
  readonly restore: (
    place: Place,
    credentials: object,
    choices: { readonly documentVersion: 'last' | 'all'; readonly documentAction: 'keep' | 'overwrite' },
  ) => Arrival;
  readonly copy: (place: Place, credentials: object, choices: CopyChoices) => Arrival;
  readonly send: (place: Place, mail: object) => Arrival;
  readonly save: (place: Place) => Arrival;
}

/** What is to come of an action that not every version can do. */
interface Ability {
  readonly answer: { readonly status: number; readonly body: object };
  readonly isSent: boolean;
}

/** What specs need to know of a version of upstream. Another version is another of these, and a place in the list below. */
export interface TestDialect extends Wire {
  readonly version: ApiVersion;
  /** Of the operation while upstream works on its restore or copy. */
  readonly heldState: 'submitting' | 'following';
  /** Of the operation in the end when its replica is lost while upstream works. */
  readonly lostState: 'interrupted' | 'succeeded';
  /** In the path by which it is found out whether a restore was done whose answer was lost. */
  readonly restoreLog: string;
  /** What an operation tells of a restore of five documents of which one was restored. */
  readonly progress: object;
  /** What an operation notes of a restore that found nothing changed. */
  readonly noteOfNoChange: RegExp;
  /** A restore of all versions of each document, with `Prefer: wait`. */
  readonly restoreOfAllVersions: Ability;
  /** A copy with a device code or a certificate, with `Prefer: wait`. */
  readonly copyWithoutPassword: Ability;
  /** Whether it can be asked if a device code was confirmed. */
  readonly checksDeviceCodes: boolean;
  /** What an answer without a body to a restore means. */
  readonly emptyAnswer: 'succeeded' | 'interrupted';
  /** A login can be ended. */
  readonly logsOut: boolean;
  /** Earlier versions of items, and a search through all OneDrives at once. */
  readonly versions: boolean;
  /** The settings that let it send mail: any one of them is enough. */
  readonly emailSettings: readonly ('veod' | 'vesp')[];
}

/** An `Action` URL per resource, whose body names the action. */
const actionWire: Wire = {
  restore: (place, credentials, choices) =>
    arrival('v5', place, 'Action', { restoreToOriginalLocation: { ...credentials, ...choices } }),
  copy: (place, credentials, { target, ...choices }) =>
    arrival('v5', place, 'Action', { copyTo: { ...credentials, oneDrive: target, ...choices } }),
  send: (place, mail) => arrival('v5', place, 'Action', { sendTo: mail }),
  save: (place) => arrival('v5', place, 'Action', { save: null }),
};

/** A URL per verb, from v6 on: names as the vendor's document spells them, and no `documentVersion` in a restore. */
const verbWire = (version: ApiVersion): Wire => ({
  restore: (place, credentials, { documentAction }) =>
    arrival(version, place, 'restore', { ...credentials, documentAction: capitalized(documentAction) }),
  copy: (place, credentials, { target, documentVersion, documentLastVersionAction, ...choices }) =>
    arrival(version, place, 'copyTo', {
      ...credentials,
      onedrive: target,
      documentVersion: capitalized(documentVersion),
      documentLastVersionAction: capitalized(documentLastVersionAction),
      ...choices,
    }),
  send: (place, mail) => arrival(version, place, 'send', mail),
  save: (place) => arrival(version, place, 'save', undefined),
});

const done: Ability = { answer: { status: 200, body: { state: 'succeeded' } }, isSent: true };

const notSupportedBy = (version: ApiVersion): Ability => ({
  answer: {
    status: 422,
    body: { code: 'not-supported-by-upstream', detail: expect.stringContaining(version) as string },
  },
  isSent: false,
});

const v5: TestDialect = {
  version: 'v5',
  ...actionWire,
  heldState: 'submitting',
  lostState: 'interrupted',
  restoreLog: 'Events',
  progress: {},
  noteOfNoChange: /^Nothing was restored, because nothing had changed\.$/,
  restoreOfAllVersions: done,
  copyWithoutPassword: notSupportedBy('v5'),
  checksDeviceCodes: false,
  emptyAnswer: 'succeeded',
  logsOut: false,
  versions: false,
  emailSettings: ['veod', 'vesp'],
};

const v8: TestDialect = {
  version: 'v8',
  ...verbWire('v8'),
  heldState: 'following',
  lostState: 'succeeded',
  restoreLog: 'RestoreSessions?',
  progress: { total: 5, restored: 1, failed: 0, skipped: 0, percentage: 20 },
  noteOfNoChange: /^Nothing was restored: .* It does not say why/,
  restoreOfAllVersions: notSupportedBy('v8'),
  copyWithoutPassword: done,
  checksDeviceCodes: true,
  emptyAnswer: 'interrupted',
  logsOut: true,
  versions: true,
  emailSettings: ['veod'],
};

/** Verbs as from v8, whose restores answer at their end as those of v5. */
const verbsThatWait = (version: ApiVersion): TestDialect => ({
  version,
  ...verbWire(version),
  heldState: 'submitting',
  lostState: 'interrupted',
  restoreLog: 'Events',
  progress: {},
  noteOfNoChange: /^Nothing was restored, because nothing had changed\.$/,
  restoreOfAllVersions: notSupportedBy(version),
  copyWithoutPassword: done,
  checksDeviceCodes: true,
  emptyAnswer: 'succeeded',
  logsOut: version !== 'v6',
  versions: true,
  emailSettings: ['veod'],
});

/** Every version that the gateway speaks, oldest first. */
const all: readonly TestDialect[] = [v5, verbsThatWait('v6'), verbsThatWait('v7'), v8];

/** The two that differ most; `npm run test:full` runs all, and `TEST_DIALECTS=v6,v7` those that it names. */
const standard = process.env.TEST_FULL === undefined ? ['v5', 'v8'] : all.map(({ version }) => version);
const chosen: readonly string[] = process.env.TEST_DIALECTS?.split(',') ?? standard;

export const dialects = all.filter(({ version }) => chosen.includes(version));

/** Those that answer a restore or copy when it has ended. */
export const blockingDialects = ofKind('submitting');

/** Those that answer at once, and go on by themselves. */
export const followedDialects = ofKind('following');

/** The newest of that kind where none of it was chosen: a spec about it would have nothing to run on. */
function ofKind(kind: TestDialect['heldState']): readonly TestDialect[] {
  const [chosen, every] = [dialects, all].map((some) => some.filter(({ heldState }) => heldState === kind));
  return chosen?.length ? chosen : (every ?? []).slice(-1);
}

function arrival(version: ApiVersion, { upstreamSid, oneDriveId }: Place, verb: string, body: unknown): Arrival {
  const path = `/${version}/RestoreSessions/${upstreamSid}/Organization/OneDrives/${oneDriveId}/${verb}`;
  return { method: 'POST', path, body };
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
