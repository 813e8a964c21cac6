import type { Organization, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import { readOrganization } from '../shared/organizations.js';

export function listOrganizations(page: PageRequest): Call<Page<Organization>> {
  const { offset, limit } = page;
  // Without the extended view there are no times of the first and last backup.
  return get(route('/Organizations', {}, { extendedView: 'true', offset, limit }), (body) =>
    readPage(body, page, readOrganization),
  );
}
