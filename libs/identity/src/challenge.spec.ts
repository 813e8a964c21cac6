import { ForbiddenError, IssuerUnavailableError, TokenInvalidError, TokenMissingError } from '@app/problems';
import { challenge } from './challenge.js';
import { refusals, TokenRefusedError, type TokenRefusal } from './refusal.js';

const metadata = 'Bearer resource_metadata="https://gateway.example/.well-known/oauth-protected-resource"';
const challengeOf = (error: unknown) => challenge(error, 'https://gateway.example')['www-authenticate'];

describe('the challenge', () => {
  it('names no error when no token was sent', () => {
    expect(challengeOf(new TokenMissingError('Send a token.'))).toBe(metadata);
  });

  it.each(Object.keys(refusals) as TokenRefusal[])('says what is wrong with a token: %s', (refusal) => {
    expect(challengeOf(new TokenRefusedError(refusal))).toBe(
      `${metadata}, error="invalid_token", error_description="${refusals[refusal]}"`,
    );
  });

  it('cannot be broken out of', () => {
    expect(challengeOf(new TokenInvalidError('a"b\\c\r\nX: d\u00e9'))).toBe(
      `${metadata}, error="invalid_token", error_description="abcX: d"`,
    );
  });

  it.each([new ForbiddenError('no'), new IssuerUnavailableError('later'), new Error('bug'), undefined])(
    'is not made for what is no 401',
    (error) => {
      expect(challenge(error, 'https://gateway.example')).toEqual({});
    },
  );
});
