import { type Clock, underAny } from '@app/clock';
import type { IssuerConfiguration } from '@app/config';
import axios, { isAxiosError } from 'axios';
import { isObject } from './compact-token.js';
import { importJsonWebKeys, type VerificationKey } from './json-web-keys.js';

const ANSWER_TIMEOUT_MS = 5_000;
const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** Why the keys of an issuer could not be had, in words that are safe to log and to show on a health page. */
export class IssuerKeysError extends Error {}

/**
 * Asks the issuer for its keys: at its `jwksUri`, or where its discovery document says (OpenID Connect Discovery 1.0, section 4).
 *
 * @throws IssuerKeysError also when none of the keys can verify an access token
 */
export async function fetchIssuerKeys(
  issuer: IssuerConfiguration,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly VerificationKey[]> {
  const get = (url: string) => getJson(requireHttps(url, issuer), clock, signal);
  const keys = await importJsonWebKeys(await get(issuer.jwksUri ?? (await discoverJwksUri(issuer, get))));
  if (keys.length === 0) throw new IssuerKeysError('the key set holds no usable key');
  return keys;
}

async function discoverJwksUri(issuer: IssuerConfiguration, get: (url: string) => Promise<unknown>): Promise<string> {
  const metadata = await get(`${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  // Section 4.3: otherwise one issuer could stand in for another.
  if (!isObject(metadata) || metadata.issuer !== issuer.issuer) {
    throw new IssuerKeysError('the discovery document is not of this issuer');
  }
  if (typeof metadata.jwks_uri !== 'string') throw new IssuerKeysError('the discovery document names no jwks_uri');
  return metadata.jwks_uri;
}

/** Plain http is only for an issuer that the configuration itself has at http, which it allows for sandboxes. */
function requireHttps(url: string, issuer: IssuerConfiguration): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol === 'https:' || (protocol === 'http:' && issuer.issuer.startsWith('http:'))) return url;
  throw new IssuerKeysError('the keys are not at an https address');
}

async function getJson(url: string, clock: Clock, signal: AbortSignal): Promise<unknown> {
  const timeout = new AbortController();
  const cancelTimeout = clock.schedule(() => {
    timeout.abort();
  }, ANSWER_TIMEOUT_MS);
  try {
    const response = await underAny([signal, timeout.signal], (either) =>
      axios.get<string>(url, {
        adapter: 'http',
        headers: { Accept: 'application/json', 'Accept-Encoding': 'identity' },
        responseType: 'text',
        transformResponse: (text: string) => text,
        validateStatus: (status) => status === 200,
        maxRedirects: 0,
        maxContentLength: LARGEST_ANSWER_BYTES,
        decompress: false,
        proxy: false,
        signal: either,
      }),
    );
    return JSON.parse(response.data) as unknown;
  } catch (error) {
    throw new IssuerKeysError(timeout.signal.aborted ? 'the issuer did not answer in time' : describe(error));
  } finally {
    cancelTimeout();
  }
}

function describe(error: unknown): string {
  if (error instanceof SyntaxError) return 'the answer is not JSON';
  if (!isAxiosError(error)) return 'the answer cannot be read';
  if (error.response && error.response.status !== 200) {
    return `the issuer answered with HTTP status ${error.response.status}`;
  }
  return `the issuer cannot be reached (${error.code ?? 'no code'})`;
}
