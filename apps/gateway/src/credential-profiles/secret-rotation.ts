import type { CancelTimer, Clock } from '@app/clock';
import type {
  BackupServerConfiguration,
  Configuration,
  CredentialProfileConfiguration,
  WebhookReceiver,
} from '@app/config';
import { type Logger, Metrics } from '@app/logging';
import { DomainError, UpstreamLoginFailedError } from '@app/problems';
import {
  SecretGroup,
  type SecretReload,
  type SecretSource,
  SecretSourceError,
  type SecretValues,
  SecretWatch,
} from '@app/secrets';
import { Database, DatabaseRefusedError } from '@app/store';
import { BackupServers } from '@app/veeam-client';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { AuditTrail, type ReloadedCredential } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { CredentialCertificates } from './credential-certificates.js';
import { CredentialExpiry } from './credential-expiry.js';

/** A change counts once two looks saw the same. */
const LOOK_EVERY_MS = 3_000;

/** What is to be done once tried values are current. */
type Afterwards = (() => void) | undefined;

interface Watching<Name extends string> {
  /** @throws whatever speaks against these values */
  readonly attempt?: (values: SecretValues<Name>) => Promise<Afterwards>;
  readonly isWorthAnotherTry?: (error: unknown) => boolean;
  /** Of the certificate in use, where it is one. */
  readonly thumbprint?: () => string | undefined;
}

interface Watched {
  /** As the log and health call it. */
  readonly name: string;
  readonly look: () => Promise<void>;
  readonly isRefused: () => boolean;
}

/**
 * Takes over secrets whose files have changed, without a restart: each is tried first, and what cannot be used never replaces what can. What
 * is under way ends with the secrets it began with.
 */
@Injectable()
export class SecretRotation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly watched: readonly Watched[];
  private cancel: CancelTimer = () => undefined;
  private isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly servers: BackupServers,
    private readonly certificates: CredentialCertificates,
    private readonly expiry: CredentialExpiry,
    private readonly metrics: Metrics,
    private readonly trail: AuditTrail,
    @Inject(CONFIGURATION) configuration: Configuration,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const { webhooks, ownerNotice } = configuration;
    this.watched = [
      this.databaseUrl(configuration),
      ...configuration.backupServers.map((server) => this.upstreamLogin(server)),
      ...configuration.credentialProfiles.map((profile) => this.profile(profile)),
      ...webhooks.flatMap((receiver) => this.webhookKeys(`key of the webhook of ${receiver.clientId}`, receiver)),
      ...(ownerNotice ? this.webhookKeys('key of the owner notice', ownerNotice) : []),
    ].filter((watched) => watched !== undefined);
  }

  onApplicationBootstrap(): void {
    this.expiry.look();
    this.schedule();
  }

  beforeApplicationShutdown(): void {
    this.isStopped = true;
    this.cancel();
  }

  /** Whose files hold something that is not used. */
  refused(): string[] {
    return this.watched.filter(({ isRefused }) => isRefused()).map(({ name }) => name);
  }

  private schedule(): void {
    this.cancel = this.clock.schedule(() => {
      void this.lookAtAll().finally(() => {
        if (!this.isStopped) this.schedule();
      });
    }, LOOK_EVERY_MS);
  }

  /** Side by side: the trial of one, against a peer that does not answer, must not keep the others waiting. */
  private async lookAtAll(): Promise<void> {
    await Promise.all(
      this.watched.map(async ({ name, look }) => {
        try {
          await look();
        } catch (error) {
          this.logger.error({ err: error, credential: name }, 'the files of a credential could not be looked at');
        }
      }),
    );
    this.expiry.look();
  }

  private databaseUrl({ database: { url } }: Configuration): Watched | undefined {
    const attempt = async (values: SecretValues<'url'>) => {
      await this.database.tryUrl(values.url);
      return () => {
        this.database.moveTo(values.url);
      };
    };
    return this.watch('DATABASE_URL', { url }, { attempt });
  }

  private upstreamLogin({ name, username, password }: BackupServerConfiguration): Watched | undefined {
    const attempt = async (login: SecretValues<'username' | 'password'>) => {
      await this.servers.of({ backupServer: name }).tryLogin(login);
      return undefined;
    };
    // Again and again, a wrong password would lock the account. Once the old one is refused, the file is read again anyway.
    const isWorthAnotherTry = (error: unknown) => !(error instanceof UpstreamLoginFailedError);
    return this.watch(`login of backup server ${name}`, { username, password }, { attempt, isWorthAnotherTry });
  }

  private profile(profile: CredentialProfileConfiguration): Watched | undefined {
    const name = `credential profile ${profile.name}`;
    if (profile.kind === 'user') return this.watch(name, { password: profile.password });
    const { certificate, certificatePassword } = profile;
    return this.watch(
      name,
      { certificate, certificatePassword },
      {
        attempt: (values) => this.certificates.try(profile, values),
        thumbprint: () => this.certificates.of(profile)?.thumbprint,
      },
    );
  }

  private webhookKeys(name: string, { keys }: WebhookReceiver): (Watched | undefined)[] {
    return keys.map((key) => this.watch(name, { key }));
  }

  /** Undefined for what comes from the environment, where it stays as it is. */
  private watch<Name extends string>(
    name: string,
    sources: Readonly<Record<Name, SecretSource>>,
    { attempt, isWorthAnotherTry, thumbprint }: Watching<Name> = {},
  ): Watched | undefined {
    const group = new SecretGroup(sources);
    if (!group.mayChange) return undefined;
    let afterwards: Afterwards;
    const watch = new SecretWatch({
      group,
      clock: this.clock,
      check: async (values) => {
        afterwards = await attempt?.(values);
      },
      ...(isWorthAnotherTry && { isWorthAnotherTry }),
      onReload: (reload) => {
        const before = thumbprint?.();
        if (reload.kind === 'replaced') afterwards?.();
        afterwards = undefined;
        const now = thumbprint?.();
        this.tell(reload, {
          credential: name,
          ...(now !== undefined && { thumbprint: now }),
          ...(before !== undefined && before !== now && { replaced: before }),
        });
      },
    });
    return { name, look: () => watch.look(), isRefused: () => watch.isRefused };
  }

  private tell(reload: SecretReload, told: ReloadedCredential): void {
    const { credential } = told;
    switch (reload.kind) {
      case 'replaced':
        this.metrics.countCredentialReload('replaced');
        this.logger.info(told, 'a changed credential is in use');
        break;
      case 'refused':
        this.metrics.countCredentialReload('refused');
        this.logger.error(
          { err: reload.error, credential },
          'a changed credential is not used; the one before goes on',
        );
        break;
      case 'withdrawn':
        this.logger.info({ credential }, 'the files of a credential hold again what is in use');
    }
    const reason = reload.kind === 'refused' ? reasonOf(reload.error) : undefined;
    this.trail.credentialReloaded(reload.kind, { ...told, ...(reason !== undefined && { reason }) });
  }
}

/** The rule that a file breaks, or the code of what a peer has against it. Neither holds anything of it. */
function reasonOf(error: unknown): string {
  if (error instanceof SecretSourceError || error instanceof DatabaseRefusedError) return error.message;
  return error instanceof DomainError ? error.code : 'unknown';
}
