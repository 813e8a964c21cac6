import { UpstreamBrokenError } from '@app/problems';
import type { OneDrive, Organization, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readAll, readPage } from '../../wire/page.js';
import type { Dialect } from '../dialect.js';

export function listUserOneDrives(organizationId: string, userId: string, page: PageRequest): Call<Page<OneDrive>> {
  const { offset, limit } = page;
  return get(
    route('/Organizations/{organizationId}/Users/{userId}/OneDrives', { organizationId, userId }, { offset, limit }),
    // All of them or none: how many somebody has tells whether it is clear which one is meant.
    (body) => readPage(body, page, readOneDrive),
  );
}

/** A bare array, not paged (v5 to v7). @param query such that there are the times of the first and last backup */
export function listOrganizationsAtOnce(query: Readonly<Record<string, string>>): Dialect['listOrganizations'] {
  return () =>
    get(route('/Organizations', {}, query), (body) => {
      if (!Array.isArray(body)) throw new UpstreamBrokenError('The backup server sent no list of organizations.');
      return { items: readAll(body, readOrganization), nextOffset: undefined };
    });
}

/** Undefined where it has no id or no name: nobody can ask for it, and by its name it is served. */
export function readOrganization(value: unknown): Organization | undefined {
  const fields = new Fields(value, 'an organization');
  const id = fields.optionalFilledString('id');
  const name = fields.optionalFilledString('name');
  if (id === undefined || name === undefined) return undefined;
  return {
    id,
    name,
    firstBackupAt: fields.optionalTime('firstBackupTime'),
    lastBackupAt: fields.optionalTime('lastBackupTime'),
  };
}

/** Undefined without an id. */
export function readListedOneDrive(value: unknown): OneDrive | undefined {
  return new Fields(value, 'a OneDrive').optionalFilledString('id') === undefined ? undefined : readOneDrive(value);
}

export function readOneDrive(value: unknown): OneDrive {
  const fields = new Fields(value, 'a OneDrive');
  return {
    id: fields.filledString('id'),
    name: fields.optionalString('name') ?? '',
    url: fields.optionalString('url') ?? '',
  };
}
