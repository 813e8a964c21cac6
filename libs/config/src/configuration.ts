import type { SecretSource } from '@app/secrets';

/** The typed, validated, read-only configuration: what the rest of the gateway sees of environment and YAML. */
export interface Configuration {
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly managementPort: number;
    /** How callers reach the gateway, without a trailing slash. Default: `http://HOST:PORT`. */
    readonly publicUrl: string;
    /** Addresses or networks of proxies whose `X-Forwarded-For` is believed; none by default. */
    readonly trustProxy: readonly string[];
    readonly docsEnabled: boolean;
  };
  readonly logLevel: LogLevel;
  readonly database: { readonly url: SecretSource; readonly caFile: string | undefined };
  readonly issuers: readonly IssuerConfiguration[];
  /** At least one. */
  readonly backupServers: readonly BackupServerConfiguration[];
  readonly organizations: readonly OrganizationConfiguration[];
  readonly roleBindings: readonly RoleBinding[];
  readonly credentialProfiles: readonly CredentialProfileConfiguration[];
  readonly mail: {
    /** Addresses an operator may send from besides the own verified one, lower-cased. */
    readonly senders: readonly string[];
    /** Domains mail may go to, lower-cased. Nothing may be sent while it is empty. */
    readonly recipientDomains: readonly string[];
  };
  /** What `npm run email-settings -- apply` has upstream send its mails by; the running gateway sends none itself. */
  readonly mailServer: MailServer | undefined;
  /** Where calling applications are told that their operations have ended: one a client. */
  readonly webhooks: readonly ClientWebhook[];
  /** Where it is told that somebody acts on a OneDrive that is not their own; nowhere when absent. */
  readonly ownerNotice: OwnerNotice | undefined;
  readonly limits: Limits;
  /** Denies every action, whatever the policy permits. */
  readonly emergencyStop: boolean;
  /** What a reason must look like, as a whole, for the policy to hear that it is accepted; any reason when absent. */
  readonly reasonPattern: RegExp | undefined;
  readonly operatorCeilings: OperatorCeilings;
  /** The YAML file that all this came from, and the SHA-256 of its text in hexadecimal. */
  readonly settingsFile: { readonly path: string; readonly digest: string };
  readonly audit: {
    /** Whole months, before the current one, that stay in the trail before they may be sealed; all do when undefined. */
    readonly retentionMonths: number | undefined;
    readonly sinks: readonly AuditSinkConfiguration[];
  };
  /** Folder of the policy, absolute, when one is given. */
  readonly policyDir: string | undefined;
  /** Every secret there is in the members above: whoever redacts or watches secrets takes them from here. */
  readonly secrets: readonly SecretSource[];
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
/** Of the REST API of VB365, as far as they are spoken here; oldest first. */
export const API_VERSIONS = ['v5', 'v6', 'v7', 'v8'] as const;
export type ApiVersion = (typeof API_VERSIONS)[number];

/** How the upstream's certificate is recognised: exactly one way; `system` trusts the CAs Node.js ships with. */
export type UpstreamTrust =
  | { readonly kind: 'system' }
  | { readonly kind: 'ca'; readonly caFile: string }
  /** SHA-256 of the certificate (DER): 64 lower-case hex digits. */
  | { readonly kind: 'fingerprint'; readonly sha256: string }
  /** `VEEAM_DANGEROUSLY_SKIP_TLS`: refused when NODE_ENV is production. */
  | { readonly kind: 'dangerously-skip' };

export interface BackupServerConfiguration {
  /** `default` where the variables name it; lower-case letters, digits, hyphens. */
  readonly name: string;
  /** Base such as `https://backup.corp:4443`: no version, no trailing slash, always https. */
  readonly url: string;
  readonly apiVersion: ApiVersion | 'auto';
  readonly trust: UpstreamTrust;
  readonly username: SecretSource;
  readonly password: SecretSource;
  /** Tenant names, lower-cased, of the only organizations that are taken from it; whichever it has when absent. */
  readonly organizations: readonly string[] | undefined;
  readonly limits: BackupServerLimits;
}

/** What one server is asked to bear; no limit of its own where absent. */
export interface BackupServerLimits {
  /** Restores, copies and mails at the same time, on all replicas together. */
  readonly operations: number | undefined;
  /** Downloads at the same time, by one replica. */
  readonly downloads: number | undefined;
  /** Open restore sessions, of all replicas together. */
  readonly restoreSessions: number | undefined;
}

export interface IssuerConfiguration {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Read from the issuer's discovery document when absent. */
  readonly jwksUri: string | undefined;
  /** Of RS256/384/512, PS256/384/512, ES256/384/512. */
  readonly algorithms: readonly string[];
  readonly preset: 'generic' | 'entra' | 'okta' | 'keycloak' | 'ping';
  /** The `typ` header an access token of this issuer has: `at+jwt` (RFC 9068) or `JWT`. */
  readonly tokenType: 'at+jwt' | 'JWT';
  /** Tenant names, lower-cased, this issuer may speak for. */
  readonly organizations: readonly string[];
  /** Domains, lower-cased, of the e-mail addresses this issuer may assert; an address elsewhere is not believed. */
  readonly emailDomains: readonly string[];
  /** What proves ownership in tokens without an object id; nothing does when absent. */
  readonly ownershipByEmail: EmailClaims | undefined;
}

export interface EmailClaims {
  /** The claim that holds the address. */
  readonly addressClaim: string;
  /** The claim that is `true` when the issuer has verified the address. */
  readonly verifiedClaim: string;
}

export interface OrganizationConfiguration {
  /** Tenant domain such as `contoso.onmicrosoft.com`, lower-cased. */
  readonly name: string;
  /** Application that device codes of this organization are issued for; without it there are none. */
  readonly deviceCodeApplicationId: string | undefined;
}

/** Whoever matches every condition given has the role in the organizations; at least one condition is needed. */
export interface RoleBinding {
  readonly role: 'operator' | 'auditor';
  /** Tenant names, lower-cased. */
  readonly organizations: readonly string[];
  readonly issuer: string | undefined;
  readonly group: string | undefined;
  readonly tokenRole: string | undefined;
  readonly scope: string | undefined;
}

/** Where a Microsoft 365 tenant lies, if not in the public cloud of the whole world. */
export const OFFICE_REGIONS = ['worldwide', 'germany', 'china', 'us-defence', 'us-government'] as const;
export type OfficeRegion = (typeof OFFICE_REGIONS)[number];

/** The actions that upstream logs in at Microsoft 365 for. */
export const PROFILE_ACTIONS = ['restore', 'copy'] as const;
export type ProfileAction = (typeof PROFILE_ACTIONS)[number];

interface CredentialProfileBase {
  /** Name of the profile: lower-case letters, digits, hyphens. */
  readonly name: string;
  /** Tenant names, lower-cased: at least one. */
  readonly organizations: readonly string[];
  /** Of several profiles of an organization exactly one is its default. */
  readonly isDefault: boolean;
  /** What it may be used for. */
  readonly actions: readonly ProfileAction[];
  /** Upstream's own default when absent. */
  readonly region: OfficeRegion | undefined;
}

export type CredentialProfileConfiguration =
  | (CredentialProfileBase & {
      readonly kind: 'application';
      readonly applicationId: string;
      /** Base64 of the PFX file on one line. */
      readonly certificate: SecretSource;
      /** Of the empty text where the file has none. */
      readonly certificatePassword: SecretSource;
    })
  | (CredentialProfileBase & { readonly kind: 'user'; readonly userName: string; readonly password: SecretSource });

/** What one caller may do within an hour to OneDrives that are not the own ones; no limit where absent. */
export interface OperatorCeilings {
  /** Restores, copies, mails and downloads together. */
  readonly actions: number | undefined;
  /** Bytes of downloads. */
  readonly bytes: number | undefined;
}

/** Where the audit trail is pushed to. */
export type AuditSinkConfiguration =
  | {
      readonly kind: 'file';
      /** Lower-case letters, digits, hyphens. */
      readonly name: string;
      /** Absolute. */
      readonly path: string;
    }
  | {
      readonly kind: 'syslog';
      readonly name: string;
      readonly host: string;
      readonly port: number;
      readonly transport: 'tls' | 'tcp';
      /** Absolute; the CAs Node.js ships with when absent. */
      readonly caFile: string | undefined;
    };

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** The sender of notifications. */
  readonly from: string;
  /** STARTTLS, or TLS from the start on port 465. */
  readonly usesTls: boolean;
  readonly login: { readonly userName: string; readonly password: SecretSource } | undefined;
}

/** A place that signed messages are posted to. */
export interface WebhookReceiver {
  /** https, or http on loopback outside production; no user, query or fragment. */
  readonly url: string;
  /** PEM file of the CA that the receiver's certificate must come from, absolute; the CAs of Node.js when absent. */
  readonly caFile: string | undefined;
  /** Signed with each of them, the newest first: one, or two while a key is being replaced. Of the form `webhook-key`. */
  readonly keys: readonly SecretSource[];
}

export interface ClientWebhook extends WebhookReceiver {
  /** The issuer whose client it is. */
  readonly issuer: string;
  readonly clientId: string;
}

export interface OwnerNotice extends WebhookReceiver {
  /** Tenant names, lower-cased; every organization when absent. */
  readonly organizations: readonly string[] | undefined;
  /** Every action when absent. */
  readonly actions: readonly ('restore' | 'copy' | 'send' | 'save')[] | undefined;
}

export interface Limits {
  /** Longest time a v5 route waits for its operation, ms (`V5_MAX_WAIT`). */
  readonly v5MaxWaitMs: number;
  /** A restore session nobody used for so long is stopped, ms. */
  readonly sessionIdleMs: number;
  /** Open restore sessions one caller may have. */
  readonly sessionsPerCaller: number;
  readonly downloadsPerCaller: number;
  readonly downloadsInAll: number;
  /** Operations whose events one caller watches at the same time, on one replica. */
  readonly eventStreamsPerCaller: number;
  readonly eventStreamsInAll: number;
  /** Requests one caller may send within `rateWindowMs`. */
  readonly requestsPerWindow: number;
  readonly rateWindowMs: number;
  /** Denials of one caller, to do one kind of thing, that are put on record one by one in a minute; the rest is summed. */
  readonly denialsPerMinute: number;
  /** A claimed operation whose replica has not renewed its lease for so long is given up, ms. */
  readonly leaseMs: number;
  /** An operation that has not started for so long fails, ms. */
  readonly queueAgeMs: number;
  /** Restores, copies and mails of one organization that run at the same time, on all replicas together. */
  readonly operationsPerOrganization: number;
  /** An operation that upstream goes on with by itself is followed for so long at most, ms. */
  readonly followMaxMs: number;
  /** For so long it is tried to find out what became of an interrupted operation, and its session is kept, ms. */
  readonly reconcileMs: number;
  /** A webhook that could not be delivered for so long is given up, ms. */
  readonly webhookAgeMs: number;
  /** Time running downloads and restores get at a shutdown, ms. */
  readonly shutdownGraceMs: number;
}
