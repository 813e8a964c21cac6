import { randomBytes } from 'node:crypto';

/** What a login gave: it holds for every pair of tokens that descends from it. */
export interface Grant {
  readonly userName: string;
  /** The API version it was made at; its tokens work nowhere else. */
  readonly version: string;
  /** What a cookie and a header must both hold in each call with its tokens; undefined where there is no such check. */
  readonly antiforgery: string | undefined;
}

export interface TokenPair extends Grant {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly issuedAt: Date;
  readonly expiresInSeconds: number;
}

/** Who may log in to VB365, and the tokens given out. A refresh token works once. */
export class Logins {
  private readonly passwords = new Map<string, Set<string>>();
  private readonly accessTokens = new Map<string, { grant: Grant; refreshToken: string; expiresAt: number }>();
  private readonly refreshTokens = new Map<string, Grant>();
  isRefused = false;
  onIssued: (token: string) => void = () => undefined;

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

  withPassword(userName: string, password: string, facts: Omit<Grant, 'userName'>): TokenPair | undefined {
    const isKnown = this.passwords.get(userName.toLowerCase())?.has(password) ?? false;
    return isKnown && !this.isRefused ? this.issue({ userName, ...facts }) : undefined;
  }

  /** The grant behind a refresh token that would be accepted. */
  refreshable(refreshToken: string, version: string): Grant | undefined {
    const grant = this.refreshTokens.get(refreshToken);
    return grant?.version === version && !this.isRefused ? grant : undefined;
  }

  withRefreshToken(refreshToken: string, facts: Omit<Grant, 'userName'>): TokenPair | undefined {
    const grant = this.refreshable(refreshToken, facts.version);
    if (!grant) return undefined;
    this.refreshTokens.delete(refreshToken);
    return this.issue({ userName: grant.userName, ...facts });
  }

  /** What an access token stands for; undefined when it is unknown, expired, or of another version. */
  grantOf(accessToken: string, version: string): Grant | undefined {
    const found = this.accessTokens.get(accessToken);
    return found && found.expiresAt > Date.now() && found.grant.version === version ? found.grant : undefined;
  }

  /** Ends a token and the refresh token that came with it. */
  logOut(accessToken: string): void {
    const found = this.accessTokens.get(accessToken);
    this.accessTokens.delete(accessToken);
    if (found) this.refreshTokens.delete(found.refreshToken);
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

  private issue(grant: Grant): TokenPair {
    const accessToken = randomBytes(180).toString('base64');
    const refreshToken = randomBytes(180).toString('base64');
    const issuedAt = new Date();
    const expiresAt = issuedAt.getTime() + this.accessTokenSeconds * 1000;
    this.accessTokens.set(accessToken, { grant, refreshToken, expiresAt });
    this.refreshTokens.set(refreshToken, grant);
    [accessToken, refreshToken].forEach(this.onIssued);
    return { ...grant, accessToken, refreshToken, issuedAt, expiresInSeconds: this.accessTokenSeconds };
  }
}
