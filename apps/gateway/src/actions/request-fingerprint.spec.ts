import { InternalError } from '@app/problems';
import { Secret } from '@app/secrets';

import type { ActionRequest, CopyRequest, RestoreRequest, SendRequest } from './action-request.js';
import { requestFingerprint } from './request-fingerprint.js';

const target = { sid: 's', oid: 'o' };
const restore: RestoreRequest = { action: 'restore', documentVersion: 'last', documentAction: 'keep' };
const copy: CopyRequest = {
  action: 'copy',
  target: { oneDriveId: 'o' },
  folder: undefined,
  documentVersion: 'last',
  documentLastVersionAction: 'merge',
  changedItems: false,
  deletedItems: false,
  restorePermissions: false,
  sendSharedLinksNotification: false,
};
const send: SendRequest = { action: 'send', to: 'bob@example.com', subject: 's', text: 't' };

const keyedBy = (key: string) => (text: string) => `${key}:${text}`;
const fingerprint = (request: ActionRequest, of: object = target, key = 'key') =>
  requestFingerprint({ ...of }, request, keyedBy(key));

describe('the fingerprint of a request', () => {
  it('is the same however the request is written', () => {
    expect(fingerprint({ documentAction: 'keep', documentVersion: 'last', action: 'restore' })).toBe(
      fingerprint({ ...restore, reason: undefined, userCode: undefined }),
    );
    expect(fingerprint(restore, { oid: 'o', sid: 's' })).toBe(fingerprint(restore));
  });

  it.each<[string, ActionRequest, object]>([
    ['another restore session', restore, { sid: 'other', oid: 'o' }],
    ['another item', restore, { sid: 's', oid: 'other' }],
    ['a folder of it', restore, { sid: 's', oid: 'o', fid: 'f' }],
    ['another option', { ...restore, documentAction: 'overwrite' }, target],
    ['a reason', { ...restore, reason: 'r' }, target],
    ['a credential profile', { ...restore, credentialProfile: 'p' }, target],
    ['a device code', { ...restore, userCode: new Secret('ABC') }, target],
    ['a member that is not there yet', { ...restore, later: 'x' } as RestoreRequest, target],
    ['another action', copy, target],
  ])('is another with %s', (_what, request, of) => {
    expect(fingerprint(request, of)).not.toBe(fingerprint(restore));
  });

  it.each<[string, CopyRequest, CopyRequest]>([
    ['the target', copy, { ...copy, target: { user: 'bob@example.com' } }],
    ['the kind of the target', { ...copy, target: { oneDriveId: 'o' } }, { ...copy, target: { user: 'o' } }],
    ['the folder', copy, { ...copy, folder: 'f' }],
  ])('of a copy depends on %s', (_what, one, other) => {
    expect(fingerprint(one)).not.toBe(fingerprint(other));
  });

  it.each<[string, ActionRequest]>([
    ['a device code', { ...restore, userCode: new Secret('ABC') }],
    ['a device code of a copy', { ...copy, userCode: new Secret('ABC') }],
    ['a subject', { ...send, subject: 'secret' }],
    ['a text', { ...send, text: 'secret' }],
  ])('cannot be guessed from without the key where there is %s', (_what, request) => {
    expect(fingerprint(request, target, 'one key')).not.toBe(fingerprint(request, target, 'another key'));
    expect(fingerprint(request)).toBe(fingerprint(request));
  });

  it('tells device codes, subjects and texts apart', () => {
    const codes = ['ABC', 'ABD'].map((code) => fingerprint({ ...restore, userCode: new Secret(code) }));
    expect(codes[0]).not.toBe(codes[1]);
    expect(fingerprint({ ...send, subject: 'x' })).not.toBe(fingerprint(send));
    expect(fingerprint({ ...send, text: 'x' })).not.toBe(fingerprint(send));
  });

  it('does not hold a secret that it does not know of', () => {
    const request = { ...restore, laterSecret: new Secret('x') } as RestoreRequest;
    expect(() => fingerprint(request)).toThrow(InternalError);
  });
});
