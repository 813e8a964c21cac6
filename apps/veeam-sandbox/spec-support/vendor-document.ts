import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AnswerBody, Contract } from './answer-check.js';
import type { Schema, Schemas } from './json-schema.js';

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface OpenApi {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: Readonly<Record<string, { readonly content?: Content }>> }>>
    >
  >;
  readonly components: { readonly schemas: Schemas };
}

/** The vendor's OpenAPI document of a version, beside the project where it is at hand. Refused logins and tokens may come empty. */
export function vendorDocumentOf(version: string): Contract | undefined {
  const title = `openapi-${version}`;
  const file = resolve('..', 'shared', 'upstream', `${title}.json`);
  if (!existsSync(file)) return undefined;
  const { paths, components } = JSON.parse(readFileSync(file, 'utf8')) as OpenApi;
  const refusal: Schema = { $ref: '#/components/schemas/RESTExceptionInfo' };
  return {
    title,
    version,
    schemas: components.schemas,
    operations: Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({
        method: method.toUpperCase(),
        pattern: path.replace(`/${version}/`, ''),
        answers: Object.fromEntries(
          Object.entries(responses)
            .filter(([status]) => status !== 'default')
            .map(([status, { content = {} }]) => [status, [bodyOf(content)]]),
        ),
      })),
    ),
    refusalOf: (status) => (status < 400 ? undefined : status === 401 ? ['nothing', refusal] : [refusal]),
  };
}

function bodyOf(content: Content): AnswerBody {
  if (content['application/octet-stream']) return 'file';
  return (content['application/json'] ?? content['*/*'])?.schema ?? 'nothing';
}
