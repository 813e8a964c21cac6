import { CredentialsNotAcceptedError } from '@app/problems';

import { refuseCredentials } from './credentials.js';

function refusedFields(body: unknown): string[] {
  try {
    refuseCredentials(body);
  } catch (error) {
    if (error instanceof CredentialsNotAcceptedError) {
      expect(JSON.stringify(error)).not.toContain('s3cret');
      expect(error.message).not.toContain('s3cret');
      return (error.errors ?? []).map(({ field }) => field);
    }
    throw error;
  }
  return [];
}

describe('refuseCredentials', () => {
  it.each([
    'userName',
    'userPassword',
    'applicationId',
    'applicationCertificate',
    'applicationCertificatePassword',
    'officeUsername',
    'officePassword',
    'officeUserpassword',
    'onPremisesUsername',
    'onPremisesPassword',
    'onpremisesUserpassword',
  ])('refuses %s in any case, at any depth, whatever it holds', (name) => {
    expect(refusedFields({ [name]: 's3cret' })).toEqual([name]);
    expect(refusedFields({ restore: { [name.toUpperCase()]: null } })).toEqual([`restore.${name.toUpperCase()}`]);
    expect(refusedFields({ copyTo: { oneDrive: [{ _links: { [name.toLowerCase()]: {} } }] } })).toEqual([
      `copyTo.oneDrive.0._links.${name.toLowerCase()}`,
    ]);
  });

  it('names all of them', () => {
    expect(refusedFields({ a: { username: 's3cret', userpassword: 's3cret' }, applicationId: 1 })).toEqual([
      'a.username',
      'a.userpassword',
      'applicationId',
    ]);
  });

  it.each([
    ['values that look like names', { documentVersion: 'userPassword' }],
    ['other names', { userCode: 'C6A9DB737', user: 'a@b.example', targetApplicationId: 'x', userNames: 1 }],
    ['look-alikes, which are unknown members instead', { 'u\u017ferName': 1, 'applicat\u0131onId': 1 }],
    ['no body', undefined],
    ['null', null],
  ])('lets %s pass', (_, body) => {
    expect(refusedFields(body)).toEqual([]);
  });

  it('names twenty at most', () => {
    expect(refusedFields(Array.from({ length: 500 }, () => ({ userName: 's3cret' })))).toHaveLength(20);
  });
});
