import type { Organization, OrganizationUser, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import { readOrganization } from '../shared/organizations.js';

export function listOrganizations(page: PageRequest): Call<Page<Organization>> {
  const { offset, limit } = page;
  // Without the extended view there are no times of the first and last backup.
  return get(route('/Organizations', {}, { extendedView: 'true', offset, limit }), (body) =>
    readPage(body, page, readOrganization),
  );
}

export function listUsers(organizationId: string, { offset, limit }: PageRequest): Call<Page<OrganizationUser>> {
  return get(route('/Organizations/{organizationId}/Users', { organizationId }, { offset, limit }), (body) =>
    readPage(body, { offset, limit }, readUser),
  );
}

export function findUsers(organizationId: string, email: string, page: PageRequest): Call<Page<OrganizationUser>> {
  const { offset, limit } = page;
  return get(
    route('/Organizations/{organizationId}/Users', { organizationId }, { userName: email, offset, limit }),
    (body) => readPage(body, page, readUser),
  );
}

export function findUsersByDisplayName(
  organizationId: string,
  displayName: string,
  page: PageRequest,
): Call<Page<OrganizationUser>> {
  return get(route('/Organizations/{organizationId}/Users', { organizationId }, { displayName, ...page }), (body) =>
    readPage(body, page, readUser),
  );
}

export function readUser(value: unknown): OrganizationUser {
  const fields = new Fields(value, 'a user');
  const name = fields.optionalString('name') ?? '';
  return {
    id: fields.filledString('id'),
    name,
    displayName: fields.optionalString('displayName') ?? name,
    objectId: objectIdOf(fields.optionalString('msid')),
  };
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Somebody without `msid` has no object id: what the user id looks like is a guess that v8 makes needless. */
function objectIdOf(msid: string | undefined): string | undefined {
  const objectId = lower(msid ?? NOBODY);
  return objectId === NOBODY || !GUID.test(objectId) ? undefined : objectId;
}
