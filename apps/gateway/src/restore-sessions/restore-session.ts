import type { StoredRestoreSession } from '@app/store';

/** A restore session that belongs to the caller at hand: whoever holds one has passed the ownership check. */
export type RestoreSession = StoredRestoreSession;

/** An organization where it is: ids of organizations mean something to their server only. */
export type OrganizationPlace = Pick<RestoreSession, 'backupServer' | 'organizationId'>;
