import { Scrubber } from '@app/secrets';

import { v5 } from '../dialects/v5/index.js';
import { v8 } from '../dialects/v8/index.js';
import { refusedAnswer } from './refusal.js';

const answer = (status: number, body?: object) => ({
  status,
  headers: {},
  text: body ? JSON.stringify(body) : '',
});
const v8Refusal = (status: number, errorCode?: string | null) =>
  refusedAnswer(
    answer(status, { errorCode, message: 'no', stackTrace: 'at Veeam' }),
    'GET /',
    new Scrubber(),
    v8.refusals,
  );

describe('an errorCode of v8 tells, whatever the status', () => {
  it.each([
    ['ResourceNotFound', 'upstream-rejected', { isNotFound: true, mayBeGoneSession: true }],
    ['ParameterValidationFailure', 'upstream-rejected', { isNotFound: true, mayBeGoneSession: true }],
    ['ResourceAccessDenied', 'upstream-rejected', { isNotFound: false, mayBeGoneSession: false }],
    ['RepositoryOwnerChangeTooManyLinks', 'upstream-rejected', { isNotFound: false, mayBeGoneSession: false }],
    ['OperationConflict', 'operation-conflict', { isNotFound: false, mayBeGoneSession: true }],
    ['OrganizationTransfer', 'operation-conflict', { isNotFound: false }],
    ['OutdatedChangeToken', 'operation-conflict', { isNotFound: false }],
    ['Timeout', 'upstream-timeout', { isNotFound: false, isEffectUnknown: true }],
    ['ProxyOffline', 'upstream-unavailable', { isNotFound: false, isEffectUnknown: false }],
  ])('%s is %s', (errorCode, code, marks) => {
    for (const status of [400, 404, 409, 500]) {
      const refusal = v8Refusal(status, errorCode);
      expect(refusal).toMatchObject(marks);
      expect(refusal.error.code).toBe(code);
      expect(refusal.error.cause).toMatchObject({ status, code: errorCode, upstreamMessage: 'no' });
      expect(JSON.stringify(refusal.error.cause)).not.toContain('Veeam');
    }
  });

  it('and every one of them is in the table', () => {
    expect(Object.keys(v8.refusals.errorCodes)).toHaveLength(9);
  });

  it('but not when a proxy may have lost the answer, nor for a login', () => {
    expect(v8Refusal(504, 'ResourceNotFound').isEffectUnknown).toBe(true);
    expect(v8Refusal(401, 'ResourceNotFound').error.code).toBe('upstream-login-failed');
  });
});

describe('the status tells where no code does', () => {
  it.each([null, undefined, 'HttpError', 'toString', '__proto__', 'resourcenotfound!'])('for %j', (errorCode) => {
    expect(v8Refusal(404, errorCode)).toMatchObject({ isNotFound: true, mayBeGoneSession: true });
    expect(v8Refusal(500, errorCode)).toMatchObject({ isNotFound: false, mayBeGoneSession: true });
    expect(v8Refusal(403, errorCode)).toMatchObject({ isNotFound: false, mayBeGoneSession: false });
    expect(v8Refusal(503, errorCode).error.code).toBe('upstream-unavailable');
  });

  it('as on v5, which has no codes', () => {
    const refusal = refusedAnswer(answer(500, { errorCode: 'ResourceNotFound' }), 'GET /', new Scrubber(), v5.refusals);
    expect(refusal).toMatchObject({ isNotFound: false, mayBeGoneSession: true });
  });
});
