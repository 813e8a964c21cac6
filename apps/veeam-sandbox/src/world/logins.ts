import { randomBytes } from 'node:crypto';

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly userName: string;
  readonly issuedAt: Date;
  readonly expiresInSeconds: number;
}

/** Who may log in to VB365, and the tokens given out. A refresh token works once. */
export class Logins {
  private readonly passwords = new Map<string, Set<string>>();
  private readonly accessTokens = new Map<string, { userName: string; expiresAt: number }>();
  private readonly refreshTokens = new Map<string, string>();
  isRefused = false;

  constructor(private accessTokenSeconds: number) {}

  /** Passwords of one login are accepted side by side, as during a rotation. */
  acceptPassword(userName: string, password: string): void {
    const known = this.passwords.get(userName.toLowerCase()) ?? new Set();
    this.passwords.set(userName.toLowerCase(), known.add(password));
  }

  refusePassword(userName: string, password: string): void {
    this.passwords.get(userName.toLowerCase())?.delete(password);
  }

  setAccessTokenSeconds(seconds: number): void {
    this.accessTokenSeconds = seconds;
  }

  withPassword(userName: string, password: string): TokenPair | undefined {
    const isKnown = this.passwords.get(userName.toLowerCase())?.has(password) ?? false;
    return isKnown && !this.isRefused ? this.issue(userName) : undefined;
  }

  withRefreshToken(refreshToken: string): TokenPair | undefined {
    const userName = this.refreshTokens.get(refreshToken);
    if (userName === undefined || this.isRefused) return undefined;
    this.refreshTokens.delete(refreshToken);
    return this.issue(userName);
  }

  /** The login an access token stands for; undefined when it is unknown or expired. */
  userOf(accessToken: string): string | undefined {
    const found = this.accessTokens.get(accessToken);
    return found && found.expiresAt > Date.now() ? found.userName : undefined;
  }

  expireAccessTokens(): void {
    this.accessTokens.clear();
  }

  revokeRefreshTokens(): void {
    this.refreshTokens.clear();
  }

  /** No password and no token is known any more. */
  forget(): void {
    this.passwords.clear();
    this.accessTokens.clear();
    this.refreshTokens.clear();
    this.isRefused = false;
  }

  private issue(userName: string): TokenPair {
    const accessToken = randomBytes(180).toString('base64');
    const refreshToken = randomBytes(180).toString('base64');
    const issuedAt = new Date();
    this.accessTokens.set(accessToken, {
      userName,
      expiresAt: issuedAt.getTime() + this.accessTokenSeconds * 1000,
    });
    this.refreshTokens.set(refreshToken, userName);
    return { accessToken, refreshToken, userName, issuedAt, expiresInSeconds: this.accessTokenSeconds };
  }
}
