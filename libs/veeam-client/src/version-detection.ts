import type { ApiVersion } from '@app/config';
import { DomainError, UpstreamBrokenError } from '@app/problems';
import type { Dialect } from './dialects/dialect.js';
import { dialects } from './dialects/index.js';
import { Failure, RefusedAnswer } from './failures.js';
import type { VeeamClientOptions } from './options.js';
import type { SentSecrets } from './sent-secrets.js';
import type { HttpAnswer } from './transport/json-transport.js';
import { refusedAnswer, isSuccess } from './wire/refusal.js';

/** How often a server with a kept version is asked whether it serves newer ones. */
const LOOK_FOR_NEWER_EVERY_MS = 3_600_000;

const OPERATORS_ONLY =
  'If "Operator authentication only" is switched on in the REST API settings of the backup server, switch it off: ' +
  'the gateway logs in as an administrator.';

/** Which API version is spoken with a server, and whether that is one it serves. Asks without a token only. */
export class VersionDetection {
  private newer: { readonly versions: readonly ApiVersion[]; readonly until: number } | undefined;

  /** @param ask sends `GET /{version}/Organizations` without a token */
  constructor(
    private readonly options: Pick<VeeamClientOptions, 'apiVersion' | 'versionMemory' | 'clock'> & {
      readonly sent: SentSecrets;
    },
    private readonly ask: (template: string) => Promise<HttpAnswer>,
  ) {}

  /**
   * The version that was kept; otherwise the newest that is served, which is kept from now on.
   *
   * @throws UpstreamBrokenError when none is served; TransportFailure, RefusedAnswer
   */
  async find(): Promise<Dialect> {
    const { versionMemory } = this.options;
    const kept = await this.kept();
    if (kept) return kept;
    for (const dialect of dialects) {
      if (!(await this.isServed(dialect))) continue;
      await versionMemory?.keep(dialect.version);
      // Another replica may have been faster and found another one.
      return (await this.kept()) ?? dialect;
    }
    const versions = dialects.map(({ version }) => version).join(', ');
    throw new UpstreamBrokenError(`The backup server serves none of the API versions ${versions}. ${OPERATORS_ONLY}`);
  }

  /** With `auto`: versions that are newer than this one, served and known here. Asked for once an hour. */
  async newerThan(current: Dialect): Promise<readonly ApiVersion[]> {
    const { apiVersion, clock } = this.options;
    if (apiVersion !== 'auto') return [];
    if (this.newer && clock.now() < this.newer.until) return this.newer.versions;
    const candidates = dialects.slice(0, dialects.indexOf(current));
    // What cannot be told now is no fault of the version in use.
    const served = await Promise.all(candidates.map((dialect) => this.isServed(dialect).catch(() => false)));
    const versions = candidates.filter((_, index) => served[index]).map(({ version }) => version);
    this.newer = { versions, until: clock.now() + LOOK_FOR_NEWER_EVERY_MS };
    return versions;
  }

  /** The same error, or one that tells that the version is not served or the server refuses everybody but restore operators. */
  async explained(error: unknown, { version }: Dialect): Promise<unknown> {
    const reason = error instanceof Failure ? error.error : error;
    const isDenied = error instanceof RefusedAnswer && isDenial(error.status);
    // A refused login was served, and a server that cannot be reached tells nothing.
    if (!isDenied && !(reason instanceof UpstreamBrokenError)) return error;
    let served: ApiVersion[];
    try {
      const answers = await Promise.all(dialects.map((dialect) => this.isServed(dialect)));
      served = dialects.filter((_, index) => answers[index]).map((dialect) => dialect.version);
    } catch {
      return error;
    }
    const cause = reason instanceof DomainError ? reason.cause : undefined;
    if (!served.includes(version)) return new UpstreamBrokenError(this.notServed(version, served), { cause });
    if (!isDenied) return error;
    const message = 'The backup server takes the login and then refuses to list its organizations.';
    return new UpstreamBrokenError(`${message} ${OPERATORS_ONLY}`, { cause });
  }

  private notServed(version: ApiVersion, served: readonly ApiVersion[]): string {
    const isKept = this.options.apiVersion === 'auto';
    const wanted = isKept ? `API ${version} was found at the first start and is kept` : `API ${version} is configured`;
    return served.length > 0
      ? `${wanted}, and the backup server serves ${served.join(', ')}: configure one of these.`
      : `${wanted}, and the backup server serves none that the gateway knows. ${OPERATORS_ONLY}`;
  }

  private async kept(): Promise<Dialect | undefined> {
    const version = await this.options.versionMemory?.recall();
    return dialects.find((dialect) => dialect.version === version);
  }

  /** A version that is served asks for a login, one that is not is unknown. */
  private async isServed(dialect: Dialect): Promise<boolean> {
    const template = `/${dialect.version}/Organizations`;
    const answer = await this.ask(template);
    if (answer.status === 401 || isSuccess(answer.status)) return true;
    if (answer.status === 404) return false;
    throw refusedAnswer(answer, template, this.options.sent, dialect.refusals);
  }
}

/** Neither a fault of the moment nor one of the login. */
function isDenial(status: number): boolean {
  return status >= 400 && status < 500 && status !== 401 && status !== 429;
}
