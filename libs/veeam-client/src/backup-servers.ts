import { type Clock, within } from '@app/clock';
import { DomainError, type ProblemCode, UpstreamTimeoutError, UpstreamUnavailableError } from '@app/problems';
import type { Organization } from './model.js';
import type { VeeamClient } from './veeam-client.js';

export interface BackupServer {
  readonly name: string;
  readonly client: VeeamClient;
  /** Tenant names, lower-cased, of the only organizations that are taken from it; whichever it has when undefined. */
  readonly organizations: readonly string[] | undefined;
}

/** An organization and the server that has it, by name. */
export interface ServedOrganization extends Organization {
  readonly backupServer: string;
}

/** What was asked of several servers. */
export interface Answers<T> {
  /** In the order of the servers. */
  readonly answers: readonly T[];
  /** Those that did not answer. */
  readonly missing: readonly MissingServer[];
}

export interface MissingServer {
  readonly backupServer: string;
  readonly error: DomainError;
}

/** How long one server, or one organization, is waited for where others may have answered, ms: some take their time for lists. */
const PATIENCE_MS = 20_000;

/** The same of one that failed the last time, or took longer. */
const DOUBTFUL_PATIENCE_MS = 5_000;

/** A server that could not be asked is not asked again for so long, where there are others, ms. */
const REST_MS = 10_000;

/** What speaks against a server whatever it was asked. */
const IS_DOWN: ReadonlySet<ProblemCode> = new Set([
  'upstream-unavailable',
  'upstream-timeout',
  'upstream-login-failed',
]);

/** What is no answer, and no fault of whoever asked. */
const IS_NO_ANSWER: ReadonlySet<ProblemCode> = new Set([...IS_DOWN, 'upstream-broken', 'upstream-rejected']);

/** Of a server, until it answers. */
interface Trouble extends MissingServer {
  /** Until then it is left alone. */
  readonly until: number;
}

/**
 * The backup servers, each with a client of its own: a login, a trust and an API version. Whatever belongs to an organization is asked of
 * the server that has it; which one that is, all of them are asked. One that cannot be reached is no reason for the others not to serve.
 */
export class BackupServers {
  private readonly troubles = new Map<string, Trouble>();
  /** The names of the organizations that each server had when it was asked the last time, lower-cased. */
  private readonly had = new Map<string, ReadonlySet<string>>();

  /** @param all with names that differ, at least one */
  constructor(
    readonly all: readonly BackupServer[],
    private readonly clock: Clock,
  ) {}

  /** @throws UpstreamUnavailableError when it is no longer configured */
  of({ backupServer }: { readonly backupServer: string }): VeeamClient {
    const server = this.all.find(({ name }) => name === backupServer);
    if (server === undefined) {
      throw new UpstreamUnavailableError(`The backup server '${backupServer}' is not configured any more.`);
    }
    return server.client;
  }

  /** Those that may have one of the organizations. @param names lower-cased */
  thatMayHave(names: readonly string[]): readonly BackupServer[] {
    return this.all.filter(({ organizations }) => organizations?.some((name) => names.includes(name)) ?? true);
  }

  /** What a server has of the organizations, and is to be asked for them. @param names lower-cased */
  async organizationsOn(
    { name: backupServer, client, organizations }: BackupServer,
    names: readonly string[],
  ): Promise<ServedOrganization[]> {
    const listed = await client.listOrganizations();
    const taken = listed.filter(({ name }) => organizations?.includes(name.toLowerCase()) ?? true);
    this.had.set(backupServer, new Set(taken.map(({ name }) => name.toLowerCase())));
    const wanted = taken.filter(({ name }) => names.includes(name.toLowerCase()));
    return wanted.map((organization) => ({ ...organization, backupServer }));
  }

  /** Whether a server had an organization of this name when it was asked the last time; false if it never was. */
  wasSeenOn(backupServer: string, name: string): boolean {
    return this.had.get(backupServer)?.has(name.toLowerCase()) ?? false;
  }

  /**
   * Asks servers side by side. The only one is waited for as long as it takes; of several, one that hangs or fails is left out, and is not
   * asked again for a little while.
   * @param hurryMs at most so long is waited for one of several, which is not held against it
   * @throws what `work` throws that is not about the server
   */
  async ask<T>(
    servers: readonly BackupServer[],
    work: (server: BackupServer) => Promise<T>,
    hurryMs?: number,
  ): Promise<Answers<T>> {
    const ask = (server: BackupServer) =>
      servers.length === 1 ? settled(server.name, () => work(server)) : this.patiently(server, work, hurryMs);
    return sorted(await Promise.all(servers.map(ask)));
  }

  /**
   * Asks about organizations side by side. The only one is waited for as long as it takes; of several, one that hangs or fails is left out.
   * Nothing of it is held against its server, which may answer about the others.
   * @throws what `work` throws that is not about the organization
   */
  async askAbout<T>(
    organizations: readonly ServedOrganization[],
    work: (organization: ServedOrganization) => Promise<T>,
  ): Promise<Answers<T>> {
    const ask = async (organization: ServedOrganization): Promise<Asked<T>> => {
      const { backupServer } = organization;
      const answering = settled(backupServer, () => work(organization));
      if (organizations.length === 1) return answering;
      return (await within(this.clock, PATIENCE_MS, answering)) ?? { backupServer, error: late() };
    };
    return sorted(await Promise.all(organizations.map(ask)));
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(({ client }) => client.close()));
  }

  private async patiently<T>(
    server: BackupServer,
    work: (server: BackupServer) => Promise<T>,
    hurryMs: number | undefined,
  ): Promise<Asked<T>> {
    const { name } = server;
    const trouble = this.troubles.get(name);
    if (trouble !== undefined) {
      if (this.clock.now() < trouble.until) return trouble;
      // One tries it, and the others are not kept waiting for what comes of that.
      this.rest(name, trouble.error);
    }
    const answering = settled(name, () => work(server)).then((asked) => {
      if ('error' in asked && IS_DOWN.has(asked.error.code)) this.rest(name, asked.error);
      else this.troubles.delete(name);
      return asked;
    });
    const patienceMs = hurryMs ?? (trouble === undefined ? PATIENCE_MS : DOUBTFUL_PATIENCE_MS);
    const asked = await within(this.clock, patienceMs, answering);
    if (asked !== undefined) return asked;
    const error = late();
    return hurryMs === undefined ? this.rest(name, error) : { backupServer: name, error };
  }

  private rest(backupServer: string, error: DomainError): Trouble {
    const trouble = { backupServer, error, until: this.clock.now() + REST_MS };
    this.troubles.set(backupServer, trouble);
    return trouble;
  }
}

type Asked<T> = { readonly answer: T } | MissingServer;

async function settled<T>(backupServer: string, work: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await work() };
  } catch (error) {
    if (!(error instanceof DomainError && IS_NO_ANSWER.has(error.code))) throw error;
    return { backupServer, error };
  }
}

function sorted<T>(asked: readonly Asked<T>[]): Answers<T> {
  return {
    answers: asked.flatMap((one) => ('answer' in one ? [one.answer] : [])),
    missing: asked.flatMap((one) => ('error' in one ? [one] : [])),
  };
}

function late(): UpstreamTimeoutError {
  return new UpstreamTimeoutError('The backup server has not answered in time.');
}
