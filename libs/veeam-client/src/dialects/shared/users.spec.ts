import { UpstreamBrokenError } from '@app/problems';
import { readUserById, readUserByMsid } from './users.js';

const GUID = '7D6C5441-6C14-411a-9147-53f31a16d225';
const ZEROS = '00000000-0000-0000-0000-000000000000';

describe('the object id of a user from v8 on', () => {
  const user = { id: `${GUID}${ZEROS}`, name: 'alice@contoso.com', displayName: 'Alice' };

  it('is msid, lower-cased', () => {
    expect(readUserByMsid({ ...user, msid: GUID })).toEqual({ ...user, objectId: GUID.toLowerCase() });
  });

  it.each([undefined, null, '', ZEROS, 'alice', `${GUID}x`])(
    'is never guessed from the user id when msid is %j',
    (msid) => {
      expect(readUserByMsid({ ...user, msid }).objectId).toBeUndefined();
    },
  );

  it('is no object id of another kind', () => {
    expect(() => readUserByMsid({ ...user, msid: 5 })).toThrow(UpstreamBrokenError);
  });
});

it.each([readUserById, readUserByMsid])('a user without a name or an id has empty ones (%p)', (read) => {
  expect(read({ id: '1' })).toEqual({ id: '1', name: '', displayName: '', objectId: undefined });
  expect(read({ id: null, name: null })).toEqual({ id: '', name: '', displayName: '', objectId: undefined });
});

describe('the object id of a user before v8', () => {
  it.each([
    ['of the cloud', GUID + ZEROS, GUID.toLowerCase()],
    ['of both, with a SID', `${GUID}${GUID}AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==`, GUID.toLowerCase()],
    ['on premises only', `${ZEROS}${GUID}AQUAAA==`, undefined],
    ['with a single GUID', GUID, undefined],
    ['with another shape', 'alice', undefined],
  ])('%s', (_, id, objectId) => {
    expect(readUserById({ id, name: 'a@b.c' })).toEqual({ id, name: 'a@b.c', displayName: 'a@b.c', objectId });
  });
});
