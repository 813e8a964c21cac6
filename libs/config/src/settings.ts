import 'reflect-metadata';
import { Type } from 'class-transformer';
import { Allow, ArrayNotEmpty, ArrayUnique, IsArray, IsObject, ValidateNested } from 'class-validator';
import {
  API_VERSIONS,
  type ApiVersion,
  type IssuerConfiguration,
  OFFICE_REGIONS,
  type OfficeRegion,
  PROFILE_ACTIONS,
  type ProfileAction,
} from './configuration.js';
import { ALGORITHMS, PRESETS, TOKEN_TYPES } from './environment.js';
import {
  Count,
  Duration,
  Flag,
  IsDomain,
  IsFingerprint,
  IsHost,
  IsMailAddress,
  IsMatch,
  IsOneOf,
  IsPasswordReference,
  IsPattern,
  IsSecretReference,
  IsText,
  IsUrlOf,
  IsUuid,
  LowerCased,
  type NO_PASSWORD,
  Optional,
  type SecretReference,
  Size,
} from './validation.js';

// The decorator nearest to the property is checked first, and only the first fault of a property is told.
const List = (): PropertyDecorator => IsArray({ message: 'must be a list' });
const NotEmpty = (): PropertyDecorator => ArrayNotEmpty({ message: 'must not be empty' });
const Unique = (): PropertyDecorator => ArrayUnique({ message: 'must not list anything twice' });
const Mappings = (): PropertyDecorator => (target, key) => {
  IsArray({ message: 'must be a list' })(target, key);
  IsObject({ each: true, message: 'must be a list of mappings' })(target, key);
  ValidateNested({ each: true, message: 'must be a list of mappings' })(target, key);
};
const Mapping = (): PropertyDecorator => (target, key) => {
  IsObject({ message: 'must be a mapping' })(target, key);
  ValidateNested({ message: 'must be a mapping' })(target, key);
};

const IsName = (): PropertyDecorator =>
  IsMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be at most 63 letters, digits and hyphens');
const ACTIONS = ['restore', 'copy', 'send', 'save'] as const;

export class OrganizationSettings {
  @LowerCased() @IsDomain() name!: string;
  @Optional() @LowerCased() @IsUuid() deviceCodeApplicationId?: string;
}

class BackupServerLimitSettings {
  @Optional() @Count(1, 10_000) operations?: number;
  @Optional() @Count(1, 10_000) downloads?: number;
  @Optional() @Count(1, 100_000) restoreSessions?: number;
}

export class BackupServerSettings {
  @LowerCased() @IsName() name!: string;
  @IsUrlOf(['https'], { onlyOrigin: true }) url!: string;
  @IsOneOf(['auto', ...API_VERSIONS]) apiVersion: ApiVersion | 'auto' = 'auto';
  @Optional() @IsText() caFile?: string;
  @Optional() @IsFingerprint() certFingerprint?: string;
  @IsSecretReference() username!: SecretReference;
  @IsSecretReference() password!: SecretReference;
  @Optional() @LowerCased() @NotEmpty() @Unique() @IsText({ each: true }) @List() organizations?: string[];
  @Type(() => BackupServerLimitSettings) @Mapping() limits = new BackupServerLimitSettings();
}

/** Both are to be named: whoever opts for it has looked at a token. */
export class EmailClaimsSettings {
  @IsText() addressClaim!: string;
  @IsText() verifiedClaim!: string;
}

export class IssuerSettings {
  @IsUrlOf(['http', 'https']) issuer!: string;
  @NotEmpty() @IsText({ each: true }) @List() audiences!: string[];
  @Optional() @IsUrlOf(['http', 'https']) jwksUri?: string;
  @NotEmpty() @IsOneOf(ALGORITHMS, { each: true }) @List() algorithms: string[] = ALGORITHMS;
  @IsOneOf(PRESETS) preset: IssuerConfiguration['preset'] = 'generic';
  @IsOneOf(TOKEN_TYPES) tokenType: IssuerConfiguration['tokenType'] = 'at+jwt';
  @LowerCased() @NotEmpty() @Unique() @IsText({ each: true }) @List() organizations!: string[];
  @LowerCased() @Unique() @IsDomain({ each: true }) @List() emailDomains!: string[];
  @Type(() => EmailClaimsSettings) @Optional() @Mapping() ownershipByEmail?: EmailClaimsSettings;
}

export class RoleBindingSettings {
  @IsOneOf(['operator', 'auditor']) role!: 'operator' | 'auditor';
  @LowerCased() @NotEmpty() @Unique() @IsText({ each: true }) @List() organizations!: string[];
  @Optional() @IsText() issuer?: string;
  @Optional() @IsText() group?: string;
  @Optional() @IsText() tokenRole?: string;
  @Optional() @IsText() scope?: string;
}

class ProfileSettings {
  @LowerCased() @IsName() name!: string;
  @Optional() @LowerCased() @IsText() organization?: string;
  @Optional() @LowerCased() @NotEmpty() @Unique() @IsText({ each: true }) @List() organizations?: string[];
  @Optional() @LowerCased() @IsOneOf(OFFICE_REGIONS) region?: OfficeRegion;
  @Flag() default = false;
  @NotEmpty() @Unique() @IsOneOf(PROFILE_ACTIONS, { each: true }) @List() actions: ProfileAction[] = [
    ...PROFILE_ACTIONS,
  ];
}

export class UserProfileSettings extends ProfileSettings {
  @IsOneOf(['user']) kind!: 'user';
  @IsText() userName!: string;
  @IsSecretReference() password!: SecretReference;
}

export class ApplicationProfileSettings extends ProfileSettings {
  @IsOneOf(['application']) kind!: 'application';
  @LowerCased() @IsUuid() applicationId!: string;
  @IsSecretReference() certificate!: SecretReference;
  @IsPasswordReference() certificatePassword!: SecretReference | typeof NO_PASSWORD;
}

/** A profile of no known kind, whose other keys nobody can judge. */
class UnknownProfileSettings extends ProfileSettings {
  @IsOneOf(['user', 'application']) kind!: never;
  @Allow() userName?: unknown;
  @Allow() password?: unknown;
  @Allow() applicationId?: unknown;
  @Allow() certificate?: unknown;
  @Allow() certificatePassword?: unknown;
}

export class MailSettings {
  @LowerCased() @IsMailAddress({ each: true }) @List() senders: string[] = [];
  @LowerCased() @IsDomain({ each: true }) @List() recipientDomains: string[] = [];
}

export class MailServerSettings {
  @IsHost() host!: string;
  @Count(1, 65_535) port = 587;
  @LowerCased() @IsMailAddress() from!: string;
  @Flag() tls = true;
  @Optional() @IsText() userName?: string;
  @Optional() @IsSecretReference() password?: SecretReference;
}

class WebhookReceiverSettings {
  @IsUrlOf(['http', 'https']) url!: string;
  @Optional() @IsText() caFile?: string;
  @IsSecretReference() secret!: SecretReference;
  @Optional() @IsSecretReference() previousSecret?: SecretReference;
}

export class ClientWebhookSettings extends WebhookReceiverSettings {
  @IsText() clientId!: string;
  @Optional() @IsText() issuer?: string;
}

export class OwnerNoticeSettings extends WebhookReceiverSettings {
  @Optional() @LowerCased() @NotEmpty() @Unique() @IsText({ each: true }) @List() organizations?: string[];
  @Optional() @NotEmpty() @Unique() @IsOneOf(ACTIONS, { each: true }) @List() actions?: (typeof ACTIONS)[number][];
}

export class LimitSettings {
  @Duration('1s', '24h') sessionIdle = 30 * 60_000;
  @Count(1, 1_000) sessionsPerCaller = 500;
  @Count(1, 1_000) downloadsPerCaller = 32;
  @Count(1, 10_000) downloadsInAll = 256;
  @Count(1, 1_000) eventStreamsPerCaller = 32;
  @Count(1, 10_000) eventStreamsInAll = 1_000;
  @Count(1, 1_000_000) requestsPerWindow = 3_000;
  @Duration('1s', '1h') rateWindow = 60_000;
  @Count(1, 1_000_000) denialsPerMinute = 60;
  @Duration('1s', '10m') lease = 60_000;
  @Duration('1s', '24h') queueAge = 15 * 60_000;
  @Count(1, 10_000) operationsPerOrganization = 50;
  @Duration('1m', '168h') followMax = 24 * 3_600_000;
  @Duration('0s', '168h') reconcile = 24 * 3_600_000;
  @Duration('1m', '168h') webhookAge = 24 * 60 * 60_000;
  @Duration('0s', '1h') shutdownGrace = 30_000;
}

export class OperatorCeilingSettings {
  @Optional() @Count(1, 1_000_000) actions?: number;
  @Optional() @Size('1MiB', '1024TiB') bytes?: number;
}

export class RetentionSettings {
  @Count(0, 1_200) months!: number;
}

class SinkSettings {
  @LowerCased() @IsName() name!: string;
}

export class FileSinkSettings extends SinkSettings {
  @IsOneOf(['file']) kind!: 'file';
  @IsText() path!: string;
}

export class SyslogSinkSettings extends SinkSettings {
  @IsOneOf(['syslog']) kind!: 'syslog';
  @IsHost() host!: string;
  @Count(1, 65_535) port = 6_514;
  @IsOneOf(['tls', 'tcp']) transport: 'tls' | 'tcp' = 'tls';
  @Optional() @IsText() caFile?: string;
}

/** A sink of no known kind, whose other keys nobody can judge. */
class UnknownSinkSettings extends SinkSettings {
  @IsOneOf(['file', 'syslog']) kind!: never;
  @Allow() path?: unknown;
  @Allow() host?: unknown;
  @Allow() port?: unknown;
  @Allow() transport?: unknown;
  @Allow() caFile?: unknown;
}

export class AuditSettings {
  @Type(() => UnknownSinkSettings, {
    keepDiscriminatorProperty: true,
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'file', value: FileSinkSettings },
        { name: 'syslog', value: SyslogSinkSettings },
      ],
    },
  })
  @Mappings()
  sinks: (FileSinkSettings | SyslogSinkSettings)[] = [];

  @Optional() @Type(() => RetentionSettings) @Mapping() retention?: RetentionSettings;
}

/** What the YAML file of `GATEWAY_CONFIG` holds. */
export class Settings {
  @Type(() => OrganizationSettings) @NotEmpty() @Mappings() organizations!: OrganizationSettings[];

  /** All there are; where it is empty, the variables name the only one. */
  @Type(() => BackupServerSettings) @Mappings() backupServers: BackupServerSettings[] = [];

  /** E-mail domains of the issuer in the environment; the names of the organizations when absent. */
  @Optional() @LowerCased() @Unique() @IsDomain({ each: true }) @List() emailDomains?: string[];

  /** Of the issuer in the environment, as in `issuers`. */
  @Type(() => EmailClaimsSettings) @Optional() @Mapping() ownershipByEmail?: EmailClaimsSettings;

  @Type(() => IssuerSettings) @Mappings() issuers: IssuerSettings[] = [];

  @Type(() => RoleBindingSettings) @Mappings() roleBindings: RoleBindingSettings[] = [];

  @Type(() => UnknownProfileSettings, {
    keepDiscriminatorProperty: true,
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'user', value: UserProfileSettings },
        { name: 'application', value: ApplicationProfileSettings },
      ],
    },
  })
  @Mappings()
  credentialProfiles: (UserProfileSettings | ApplicationProfileSettings)[] = [];

  @Type(() => MailSettings) @Mapping() mail = new MailSettings();

  @Type(() => MailServerSettings) @Optional() @Mapping() mailServer?: MailServerSettings;

  @Type(() => ClientWebhookSettings) @Mappings() webhooks: ClientWebhookSettings[] = [];

  @Type(() => OwnerNoticeSettings) @Optional() @Mapping() ownerNotice?: OwnerNoticeSettings;

  @Type(() => LimitSettings) @Mapping() limits = new LimitSettings();

  @Flag() emergencyStop = false;

  @Optional() @IsPattern() reasonPattern?: string;

  @Type(() => OperatorCeilingSettings) @Mapping() operatorCeilings = new OperatorCeilingSettings();

  @Type(() => AuditSettings) @Mapping() audit = new AuditSettings();
}
