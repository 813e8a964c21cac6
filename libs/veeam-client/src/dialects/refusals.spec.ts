import { Scrubber } from '@app/secrets';
import { refusedAnswer } from '../wire/refusal.js';
import { dialects } from './index.js';

interface Row {
  readonly status: number;
  readonly errorCode?: string;
  readonly code: string;
  /** Of reading one thing: there is none. */
  readonly isNotFound?: true;
  /** Below a restore session: it may be gone. */
  readonly mayBeGoneSession?: true;
  /** Of an action: it may have been done. */
  readonly isEffectUnknown?: true;
}

/** What a status says in every version, where no code says more. */
const statuses: readonly Row[] = [
  { status: 301, code: 'upstream-broken' },
  { status: 307, code: 'upstream-broken' },
  { status: 400, code: 'upstream-rejected', isNotFound: true, mayBeGoneSession: true },
  { status: 401, code: 'upstream-login-failed' },
  { status: 403, code: 'upstream-rejected' },
  { status: 404, code: 'upstream-rejected', isNotFound: true, mayBeGoneSession: true },
  { status: 408, code: 'upstream-timeout', isEffectUnknown: true },
  { status: 409, code: 'upstream-rejected' },
  { status: 413, code: 'upstream-rejected' },
  { status: 429, code: 'upstream-unavailable' },
  { status: 500, code: 'upstream-rejected', mayBeGoneSession: true },
  { status: 501, code: 'upstream-rejected' },
  { status: 502, code: 'upstream-broken', isEffectUnknown: true },
  { status: 503, code: 'upstream-unavailable' },
  { status: 504, code: 'upstream-timeout', isEffectUnknown: true },
];

/** What v8 says by `errorCode`, whatever the status it comes with. */
const codes: readonly (Omit<Row, 'status'> & { readonly errorCode: string })[] = [
  { errorCode: 'ProxyOffline', code: 'upstream-unavailable' },
  { errorCode: 'OutdatedChangeToken', code: 'operation-conflict', mayBeGoneSession: true },
  { errorCode: 'ResourceAccessDenied', code: 'upstream-rejected' },
  { errorCode: 'ResourceNotFound', code: 'upstream-rejected', isNotFound: true, mayBeGoneSession: true },
  { errorCode: 'ParameterValidationFailure', code: 'upstream-rejected', isNotFound: true, mayBeGoneSession: true },
  { errorCode: 'OrganizationTransfer', code: 'operation-conflict', mayBeGoneSession: true },
  { errorCode: 'RepositoryOwnerChangeTooManyLinks', code: 'upstream-rejected' },
  { errorCode: 'Timeout', code: 'upstream-timeout', isEffectUnknown: true },
  { errorCode: 'OperationConflict', code: 'operation-conflict', mayBeGoneSession: true },
];

/** Codes that a version does not have say nothing. */
const known: Readonly<Record<string, readonly string[]>> = {
  v5: [],
  v6: [],
  v7: ['ProxyOffline'],
  v8: codes.map(({ errorCode }) => errorCode),
};

describe.each(dialects)('a refusal of $version', ({ version, refusals }) => {
  const expectRow = ({ status, errorCode, code, isNotFound, mayBeGoneSession, isEffectUnknown }: Row) => {
    const text = JSON.stringify({ message: 'no', ...(errorCode && { errorCode }) });
    const refused = refusedAnswer({ status, headers: {}, text }, 'POST /', new Scrubber(), refusals);
    expect({
      code: refused.error.code,
      isNotFound: refused.isNotFound,
      mayBeGoneSession: refused.mayBeGoneSession,
      isEffectUnknown: refused.isEffectUnknown,
    }).toEqual({
      code,
      isNotFound: isNotFound ?? false,
      mayBeGoneSession: mayBeGoneSession ?? false,
      isEffectUnknown: isEffectUnknown ?? false,
    });
  };

  it.each(statuses)('with $status is $code', expectRow);

  it.each(codes)('with 409 and $errorCode', (row) => {
    const isKnown = known[version]?.includes(row.errorCode);
    expectRow(isKnown ? { ...row, status: 409 } : { errorCode: row.errorCode, status: 409, code: 'upstream-rejected' });
  });

  it('knows no other codes', () => {
    expect(Object.keys(refusals.errorCodes).sort()).toEqual([...(known[version] ?? [])].sort());
  });
});
