import type { OrganizationUser, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { Dialect } from '../dialect.js';

interface UsersWire {
  /** What a login is asked for by. */
  readonly login: 'username' | 'userName';
  readonly readUser: (value: unknown) => OrganizationUser;
}

/** People of an organization in production. */
export function usersIn({
  login,
  readUser,
}: UsersWire): Pick<Dialect, 'listUsers' | 'findUsers' | 'findUsersByDisplayName'> {
  const users = (
    organizationId: string,
    query: Readonly<Record<string, string>>,
    page: PageRequest,
  ): Call<Page<OrganizationUser>> =>
    get(route('/Organizations/{organizationId}/Users', { organizationId }, { ...query, ...page }), (body) =>
      readPage(body, page, readUser),
    );
  return {
    listUsers: (organizationId, page) => users(organizationId, {}, page),
    findUsers: (organizationId, email, page) => users(organizationId, { [login]: email }, page),
    findUsersByDisplayName: (organizationId, displayName, page) => users(organizationId, { displayName }, page),
  };
}

/** Before v8: a user id is the cloud GUID and the on-premises GUID run together, zeros where there is none, then perhaps a SID. */
export function readUserById(value: unknown): OrganizationUser {
  const fields = new Fields(value, 'a user');
  const shown = shownOf(fields);
  return { ...shown, objectId: objectIdOf(USER_ID.exec(shown.id)?.[1]) };
}

/** From v8 on. Somebody without `msid` has no object id: what the user id looks like is a guess that v8 makes needless. */
export function readUserByMsid(value: unknown): OrganizationUser {
  const fields = new Fields(value, 'a user');
  return { ...shownOf(fields), objectId: objectIdOf(fields.optionalString('msid')) };
}

/** None of them is required by the vendor's documents: what is missing is empty, and matches nothing. */
function shownOf(fields: Fields): Omit<OrganizationUser, 'objectId'> {
  const name = fields.optionalString('name') ?? '';
  return { id: fields.optionalString('id') ?? '', name, displayName: fields.optionalString('displayName') ?? name };
}

const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const GUID = new RegExp(`^${guid}$`);
const USER_ID = new RegExp(`^(${guid})[0-9a-f]{8}-`, 'i');
const NOBODY = '00000000-0000-0000-0000-000000000000';

function objectIdOf(text: string | undefined): string | undefined {
  const objectId = lower(text ?? NOBODY);
  return objectId === NOBODY || !GUID.test(objectId) ? undefined : objectId;
}
