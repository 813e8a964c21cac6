import { UpstreamBrokenError } from '@app/problems';
import { readOneDrive, readOrganization } from './organizations.js';

describe('an organization', () => {
  it('is read field by field, whatever the case of their names', () => {
    expect(
      readOrganization({
        id: '1',
        name: 'contoso.onmicrosoft.com',
        firstBackuptime: '2026-01-01T00:00:00',
        LastBackupTime: '2026-01-15T00:00:00+01:00',
        password: 'x',
        _links: {},
      }),
    ).toEqual({
      id: '1',
      name: 'contoso.onmicrosoft.com',
      firstBackupAt: '2026-01-01T00:00:00.000Z',
      lastBackupAt: '2026-01-14T23:00:00.000Z',
    });
  });

  it.each([undefined, null, '', '0001-01-01T00:00:00'])(
    'was never backed up when its last time is %j',
    (lastBackuptime) => {
      expect(readOrganization({ id: '1', name: 'n', lastBackuptime })).toMatchObject({
        id: '1',
        name: 'n',
        lastBackupAt: undefined,
      });
    },
  );

  it.each([null, [], 'x', { id: 1, name: 'n' }, { id: '1', name: 'n', lastBackuptime: 5 }])('is not %j', (value) => {
    expect(() => readOrganization(value)).toThrow(UpstreamBrokenError);
  });
});

it('a OneDrive without a name or a URL has empty ones, and one without an id is none', () => {
  expect(readOneDrive({ id: '1', name: 'Alice', url: null })).toEqual({ id: '1', name: 'Alice', url: '' });
  expect(readOneDrive({ id: '1', url: 'https://u' })).toEqual({ id: '1', name: '', url: 'https://u' });
  expect(() => readOneDrive({ name: 'Alice' })).toThrow(UpstreamBrokenError);
});
