import { UpstreamBrokenError } from '@app/problems';
import type { Organization, OrganizationUser, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import { readOrganization } from '../shared/organizations.js';

/** Not paged: a bare array. */
export function listOrganizations(_page: PageRequest): Call<Page<Organization>> {
  return get(route('/Organizations'), (body) => {
    if (!Array.isArray(body)) throw new UpstreamBrokenError('The backup server sent no list of organizations.');
    return { items: body.map(readOrganization), nextOffset: undefined };
  });
}

export function listUsers(organizationId: string, { offset, limit }: PageRequest): Call<Page<OrganizationUser>> {
  return get(route('/Organizations/{organizationId}/Users', { organizationId }, { offset, limit }), (body) =>
    readPage(body, { offset, limit }, readUser),
  );
}

export function findUsers(organizationId: string, email: string, page: PageRequest): Call<Page<OrganizationUser>> {
  const { offset, limit } = page;
  return get(
    route('/Organizations/{organizationId}/Users', { organizationId }, { username: email, offset, limit }),
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
  const id = fields.filledString('id');
  const name = fields.string('name');
  return { id, name, displayName: fields.optionalString('displayName') ?? name, objectId: objectIdOf(id) };
}

const USER_ID = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})[0-9a-f]{8}-/i;
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** A user id is the cloud GUID and the on-premises GUID run together, zeros where there is none, then perhaps a SID. */
function objectIdOf(userId: string): string | undefined {
  const objectId = lower(USER_ID.exec(userId)?.[1] ?? NOBODY);
  return objectId === NOBODY ? undefined : objectId;
}
