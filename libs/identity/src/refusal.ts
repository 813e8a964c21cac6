import { TokenInvalidError } from '@app/problems';

/**
 * Why a token is refused: the word goes to metrics, the text to the caller (`detail` and `error_description`, so no `"` and no `\`:
 * RFC 6750, section 3). Neither repeats anything of the token.
 */
export const refusals = {
  'malformed-header': 'The Authorization header must be the word Bearer, one space and the token.',
  'malformed-token': 'The token is not a signed JWT.',
  'header-not-accepted': 'The token has a header parameter that is not accepted here.',
  'algorithm-not-accepted': 'The signature algorithm of the token is not accepted.',
  'wrong-type': 'The token is not an access token.',
  'unknown-issuer': 'The issuer of the token is not trusted.',
  'unknown-key': 'The issuer of the token has no such key.',
  'bad-signature': 'The signature of the token is wrong.',
  'wrong-audience': 'The token is meant for somebody else.',
  'unsound-claims': 'A claim of the token is missing or not well-formed.',
  'groups-overage':
    'The token leaves out groups or roles because there are too many. Let the issuer put application roles or fewer groups into it.',
  expired: 'The token has expired.',
  'not-yet-valid': 'The token is not valid yet.',
  'too-old': 'The token was issued too long ago.',
} as const;

export type TokenRefusal = keyof typeof refusals;

/** A token that was there and is not accepted. */
export class TokenRefusedError extends TokenInvalidError {
  constructor(
    readonly refusal: TokenRefusal,
    cause?: unknown,
  ) {
    super(refusals[refusal], { cause });
  }
}
