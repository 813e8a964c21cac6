import type { TokenPair } from '../world/logins.js';

/** The members of a token answer, the same in all versions but for the form of their times. */
export function tokenToWire(pair: TokenPair, timeOf: (at: Date) => string): object {
  const { accessToken, refreshToken, userName, issuedAt, expiresInSeconds } = pair;
  return {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: expiresInSeconds,
    refresh_token: refreshToken,
    userName,
    '.issued': timeOf(issuedAt),
    '.expires': timeOf(new Date(issuedAt.getTime() + expiresInSeconds * 1000)),
  };
}
