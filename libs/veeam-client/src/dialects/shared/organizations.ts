import { UpstreamBrokenError } from '@app/problems';
import type { OneDrive, Organization, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { Dialect } from '../dialect.js';

export function listUserOneDrives(organizationId: string, userId: string, page: PageRequest): Call<Page<OneDrive>> {
  const { offset, limit } = page;
  return get(
    route('/Organizations/{organizationId}/Users/{userId}/OneDrives', { organizationId, userId }, { offset, limit }),
    (body) => readPage(body, page, readOneDrive),
  );
}

/** A bare array, not paged (v5 to v7). @param query such that there are the times of the first and last backup */
export function listOrganizationsAtOnce(query: Readonly<Record<string, string>>): Dialect['listOrganizations'] {
  return () =>
    get(route('/Organizations', {}, query), (body) => {
      if (!Array.isArray(body)) throw new UpstreamBrokenError('The backup server sent no list of organizations.');
      return { items: body.map(readOrganization), nextOffset: undefined };
    });
}

export function readOrganization(value: unknown): Organization {
  const fields = new Fields(value, 'an organization');
  return {
    id: fields.filledString('id'),
    name: fields.filledString('name'),
    firstBackupAt: fields.optionalTime('firstBackupTime'),
    lastBackupAt: fields.optionalTime('lastBackupTime'),
  };
}

export function readOneDrive(value: unknown): OneDrive {
  const fields = new Fields(value, 'a OneDrive');
  return {
    id: fields.filledString('id'),
    name: fields.string('name'),
    url: fields.optionalString('url') ?? '',
  };
}
