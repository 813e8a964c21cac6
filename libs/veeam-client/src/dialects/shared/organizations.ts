import type { OneDrive, Organization, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';

export function listUserOneDrives(organizationId: string, userId: string, page: PageRequest): Call<Page<OneDrive>> {
  const { offset, limit } = page;
  return get(
    route('/Organizations/{organizationId}/Users/{userId}/OneDrives', { organizationId, userId }, { offset, limit }),
    (body) => readPage(body, page, readOneDrive),
  );
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
