import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { ArrayNotEmpty, getMetadataStorage } from 'class-validator';
import { API_VERSIONS, type ApiVersion, type IssuerConfiguration, type LogLevel } from './configuration.js';
import type { Faults } from './faults.js';
import {
  CommaList,
  Count,
  Duration,
  Flag,
  IsFingerprint,
  IsHost,
  IsOneOf,
  IsProxyAddress,
  IsText,
  IsUrlOf,
  Optional,
  validateInto,
} from './validation.js';

/** The environment as it was given, without what is empty: composition tools pass unset variables on as empty ones. */
export type RawEnvironment = Readonly<Partial<Record<string, string>>>;

export const ALGORITHMS = ['RS', 'PS', 'ES'].flatMap((family) => ['256', '384', '512'].map((bits) => family + bits));
export const PRESETS = ['generic', 'entra', 'okta', 'keycloak', 'ping'] as const;
export const TOKEN_TYPES = ['at+jwt', 'JWT'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The variables of the service, but for the secrets: those come as `NAME` or `NAME_FILE`. */
export class EnvironmentVariables {
  @IsHost() HOST = '127.0.0.1';
  @Count(0, 65_535) PORT = 3000;
  @Count(0, 65_535) MANAGEMENT_PORT = 3001;
  @Optional() @IsUrlOf(['http', 'https']) PUBLIC_URL?: string;
  @CommaList() @IsProxyAddress({ each: true }) TRUST_PROXY: string[] = [];

  @Optional() @IsText() DATABASE_CA_FILE?: string;

  @Optional() @IsUrlOf(['http', 'https']) SSO_ISSUER?: string;
  @Optional() @CommaList() @ArrayNotEmpty({ message: 'must not be empty' }) SSO_AUDIENCE?: string[];
  @Optional() @IsUrlOf(['http', 'https']) SSO_JWKS_URI?: string;
  @CommaList()
  @IsOneOf(ALGORITHMS, { each: true })
  @ArrayNotEmpty({ message: 'must not be empty' })
  SSO_ALGORITHMS: string[] = ALGORITHMS;
  @IsOneOf(PRESETS) SSO_PRESET: IssuerConfiguration['preset'] = 'generic';
  @IsOneOf(TOKEN_TYPES) SSO_TOKEN_TYPE: IssuerConfiguration['tokenType'] = 'at+jwt';

  @Optional() @IsUrlOf(['https'], { onlyOrigin: true }) VEEAM_URL?: string;
  @IsOneOf(['auto', ...API_VERSIONS]) VEEAM_API_VERSION: ApiVersion | 'auto' = 'auto';
  @Optional() @IsText() VEEAM_CA_FILE?: string;
  @Optional()
  @IsFingerprint()
  VEEAM_CERT_FINGERPRINT?: string;
  @Flag() VEEAM_DANGEROUSLY_SKIP_TLS = false;

  @IsText() GATEWAY_CONFIG!: string;
  @Optional() @IsText() POLICY_DIR?: string;
  @IsOneOf(LOG_LEVELS) LOG_LEVEL: LogLevel = 'info';
  @Flag() DOCS_ENABLED = false;
  @Duration('1s', '24h') V5_MAX_WAIT = 3_600_000;
  @Optional() @IsText() NODE_ENV?: string;
}

const VARIABLES = [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(EnvironmentVariables, '', true, false)
      .map(({ propertyName }) => propertyName),
  ),
];

/** Those that others read: the migration, the sandboxes and what starts them. */
const OTHERS = ['DATABASE_OWNER_URL', 'SSO_SANDBOX_PORT', 'VEEAM_SANDBOX_PORT'];

const SECRETS = ['DATABASE_URL', 'DATABASE_OWNER_URL', 'VEEAM_USERNAME', 'VEEAM_PASSWORD'];

const KNOWN = new Set([...VARIABLES, ...OTHERS, ...SECRETS, ...SECRETS.map((name) => `${name}_FILE`)]);

/** What Kubernetes and Docker add for a service that happens to be called veeam, sso or database. */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;

export function processEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}

export function withoutEmpty(environment: NodeJS.ProcessEnv): RawEnvironment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
}

/** The validated variables; what is wrong with them is among the faults. */
export function readEnvironment(raw: RawEnvironment, faults: Faults): EnvironmentVariables {
  const present = VARIABLES.filter((name) => raw[name] !== undefined);
  const variables = plainToInstance(EnvironmentVariables, Object.fromEntries(present.map((name) => [name, raw[name]])));
  validateInto(faults, variables);
  checkTogether(variables, raw, faults);
  return variables;
}

function checkTogether(variables: EnvironmentVariables, raw: RawEnvironment, faults: Faults): void {
  const { PORT, MANAGEMENT_PORT, VEEAM_CA_FILE, VEEAM_CERT_FINGERPRINT, VEEAM_DANGEROUSLY_SKIP_TLS } = variables;
  if (PORT !== 0 && PORT === MANAGEMENT_PORT) faults.add('MANAGEMENT_PORT', 'must differ from PORT');
  if ([VEEAM_CA_FILE, VEEAM_CERT_FINGERPRINT, VEEAM_DANGEROUSLY_SKIP_TLS].filter(Boolean).length > 1) {
    faults.add(
      'VEEAM_CA_FILE, VEEAM_CERT_FINGERPRINT, VEEAM_DANGEROUSLY_SKIP_TLS',
      'at most one of them may be given: there is one way to trust the upstream',
    );
  }
  if (isProduction(raw) && VEEAM_DANGEROUSLY_SKIP_TLS) {
    faults.add('VEEAM_DANGEROUSLY_SKIP_TLS', 'is refused in production');
  }
  if (raw.SSO_ISSUER !== undefined && raw.SSO_AUDIENCE === undefined) {
    faults.add('SSO_AUDIENCE', 'is required: what access tokens for the gateway name as their audience');
  }
  for (const name of VARIABLES.filter((known) => known.startsWith('SSO_') && known !== 'SSO_ISSUER')) {
    if (raw.SSO_ISSUER === undefined && raw[name] !== undefined) faults.add(name, 'needs SSO_ISSUER');
  }
  for (const name of ['SSO_ISSUER', 'SSO_JWKS_URI']) checkProductionUrl(raw, name, raw[name], faults);
}

export function isProduction(raw: RawEnvironment): boolean {
  return raw.NODE_ENV === 'production';
}

/** Keys that come over plain http could be anybody's. */
export function checkProductionUrl(raw: RawEnvironment, key: string, url: string | undefined, faults: Faults): void {
  if (isProduction(raw) && url !== undefined && /^http:/i.test(url))
    faults.add(key, 'must be an https URL in production');
}

/** Not of the names that the YAML takes secrets from; undefined when nobody knows them, as the YAML cannot be read. */
export function refuseLikelyTypos(
  raw: RawEnvironment,
  referenced: ReadonlySet<string> | undefined,
  faults: Faults,
): void {
  for (const name of Object.keys(raw)) {
    if (!/^(VEEAM|SSO|DATABASE)_/.test(name) || KNOWN.has(name) || SERVICE_LINK.test(name)) continue;
    if (referenced?.has(name)) continue;
    faults.add(name, referenced ? 'is not a known variable' : 'is not a known variable, unless the YAML names it');
  }
}
