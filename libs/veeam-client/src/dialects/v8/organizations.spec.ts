import { UpstreamBrokenError } from '@app/problems';
import { readUser } from './organizations.js';

const GUID = '7D6C5441-6C14-411a-9147-53f31a16d225';
const ZEROS = '00000000-0000-0000-0000-000000000000';

describe('the object id of a user', () => {
  const user = { id: `${GUID}${ZEROS}`, name: 'alice@contoso.com', displayName: 'Alice' };

  it('is msid, lower-cased', () => {
    expect(readUser({ ...user, msid: GUID })).toEqual({ ...user, objectId: GUID.toLowerCase() });
  });

  it.each([undefined, null, '', ZEROS, 'alice', `${GUID}x`])(
    'is never guessed from the user id when msid is %j',
    (msid) => {
      expect(readUser({ ...user, msid }).objectId).toBeUndefined();
    },
  );

  it('is no object id of another kind', () => {
    expect(() => readUser({ ...user, msid: 5 })).toThrow(UpstreamBrokenError);
  });
});

it('a user without a name matches nobody and breaks no list', () => {
  expect(readUser({ id: '1' })).toEqual({ id: '1', name: '', displayName: '', objectId: undefined });
});
