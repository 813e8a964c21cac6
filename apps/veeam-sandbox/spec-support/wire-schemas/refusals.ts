import type { AnswerBody } from '../answer-check.js';
import { like, nullable, object, oneOf, text, type Part, type Version } from './notation.js';

/** What v8 says beside the statuses that have a code of their own. */
const codes: ReadonlyMap<number, string> = new Map([
  [400, 'ParameterValidationFailure'],
  [403, 'ResourceAccessDenied'],
  [404, 'ResourceNotFound'],
  [409, 'OperationConflict'],
  [504, 'Timeout'],
]);
const otherCodes = [
  'HttpError',
  'ProxyOffline',
  'OutdatedChangeToken',
  'OrganizationTransfer',
  'RepositoryOwnerChangeTooManyLinks',
];
const statuses = [...codes.keys(), 405, 415, 500];

const oauth = object({ error: like(/^[a-z_]+$/), error_description: text });

/** By version: what tells what went wrong. */
const refusals: Readonly<Record<Version, (status: number) => Part>> = {
  v5: () => object({ message: text }),
  v6: () => object({ message: text }),
  v7: () => object({ message: text, errorCode: nullable(oneOf('ProxyOffline')) }),
  v8: (status) => {
    const code = codes.get(status);
    return object({
      message: text,
      errorCode: oneOf(...(code === undefined ? otherCodes : [code])),
      stackTrace: nullable(text),
    });
  },
};

/** What may come with a status that says no; undefined when that status never comes. A refused login has no body. */
export function refusalOf(
  version: Version,
  status: number,
  pattern: string | undefined,
): readonly AnswerBody[] | undefined {
  if (status === 401) return ['nothing'];
  if (!statuses.includes(status)) return undefined;
  const isLogin = version === 'v5' && pattern === 'token' && status === 400;
  const schema = (isLogin ? oauth : refusals[version](status))(version);
  return schema && [schema];
}
