import { TokenInvalidError, TokenMissingError } from '@app/problems';

/**
 * The headers that belong to an error: `WWW-Authenticate` for a 401, none for any other. It says where the metadata of this resource is
 * (RFC 9728, section 5.1), and, only if a token was sent, what is wrong with it (RFC 6750, section 3.1).
 *
 * @param publicUrl how callers reach the gateway, without a trailing slash
 */
export function challenge(error: unknown, publicUrl: string): Record<string, string> {
  const metadata = `Bearer resource_metadata="${publicUrl}/.well-known/oauth-protected-resource"`;
  if (error instanceof TokenMissingError) return { 'www-authenticate': metadata };
  if (!(error instanceof TokenInvalidError)) return {};
  const description = error.message.replace(/[^\x20-\x7e]|["\\]/g, '');
  return { 'www-authenticate': `${metadata}, error="invalid_token", error_description="${description}"` };
}
