import { Transform } from 'class-transformer';
import { validateSync, ValidateBy, ValidateIf, type ValidationError, type ValidationOptions } from 'class-validator';
import { isIP, isIPv4 } from 'node:net';
import type { Faults } from './faults.js';

/** Adds a fault for whatever the decorators of `instance` refuse, unknown members included. */
export function validateInto(faults: Faults, instance: object): void {
  const errors = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true });
  for (const error of errors) addFaults(faults, error, '');
}

function addFaults(faults: Faults, error: ValidationError, parent: string): void {
  const isIndex = /^\d+$/.test(error.property);
  const key = isIndex ? `${parent}[${error.property}]` : [parent, error.property].filter(Boolean).join('.');
  for (const [constraint, message] of Object.entries(error.constraints ?? {})) {
    faults.add(key, constraint === 'whitelistValidation' ? 'is not a known key' : message);
  }
  for (const child of error.children ?? []) addFaults(faults, child, key);
}

/** A property validator made of a predicate over strings and the rule it stands for. */
function textRule(name: string, isValid: (text: string) => boolean, rule: string, options?: ValidationOptions) {
  return ValidateBy(
    {
      name,
      validator: { validate: (value) => typeof value === 'string' && isValid(value), defaultMessage: () => rule },
    },
    options,
  );
}

function both(...decorators: PropertyDecorator[]): PropertyDecorator {
  return (target, key) => {
    for (const decorate of decorators) decorate(target, key);
  };
}

/** May be left out, but not be null: what is written down with nothing behind it is a mistake. */
export const Optional = () => ValidateIf((_, value) => value !== undefined);

/** Turns a variable such as `a, b` into a list. */
export const CommaList = () =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
      : value,
  );

export const LowerCased = () =>
  Transform(({ value }: { value: unknown }) => {
    if (Array.isArray(value))
      return value.map((item: unknown) => (typeof item === 'string' ? item.toLowerCase() : item));
    return typeof value === 'string' ? value.toLowerCase() : value;
  });

/** Turns `true`, `false`, `1` or `0` into a boolean. */
export const Flag = () =>
  both(
    Transform(({ value }: { value: unknown }) => flags.get(value) ?? value),
    ValidateBy({
      name: 'isFlag',
      validator: { validate: (value) => typeof value === 'boolean', defaultMessage: () => 'must be true or false' },
    }),
  );

const flags = new Map<unknown, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** A whole number, which in a variable is written in digits. */
export const Count = (least: number, most: number) =>
  both(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
    ),
    ValidateBy({
      name: 'isCount',
      validator: {
        validate: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
        defaultMessage: () => `must be a whole number from ${least} to ${most}`,
      },
    }),
  );

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `500ms`, `90s`, `30m`, `1h` or a number of seconds; undefined for anything else. */
export function parseDuration(value: unknown): number | undefined {
  const [, amount, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(String(value)) ?? [];
  return amount === undefined ? undefined : Number(amount) * unitMs[unit as keyof typeof unitMs];
}

/** A duration within bounds that are written like one; becomes milliseconds. */
export const Duration = (least: string, most: string) =>
  both(
    Transform(({ value }: { value: unknown }) => parseDuration(value) ?? value),
    ValidateBy({
      name: 'isDuration',
      validator: {
        validate: (value) =>
          typeof value === 'number' && value >= Number(parseDuration(least)) && value <= Number(parseDuration(most)),
        defaultMessage: () => `must be a duration such as 90s, 30m or 1h, from ${least} to ${most}`,
      },
    }),
  );

const unitBytes = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Bytes of a size such as `512MiB` or a number of bytes; undefined for anything else. */
function parseSize(value: unknown): number | undefined {
  const [, amount, unit = 'B'] = /^(\d{1,15})(KiB|MiB|GiB|TiB)?$/.exec(String(value)) ?? [];
  return amount === undefined ? undefined : Number(amount) * unitBytes[unit as keyof typeof unitBytes];
}

/** A size within bounds that are written like one; becomes bytes. */
export const Size = (least: string, most: string) =>
  both(
    Transform(({ value }: { value: unknown }) => parseSize(value) ?? value),
    ValidateBy({
      name: 'isSize',
      validator: {
        validate: (value) =>
          typeof value === 'number' && value >= Number(parseSize(least)) && value <= Number(parseSize(most)),
        defaultMessage: () => `must be a size such as 512MiB or 20GiB, from ${least} to ${most}`,
      },
    }),
  );

/** A regular expression of ECMAScript with the flag `u`. */
export const IsPattern = () =>
  textRule('isPattern', (text) => text !== '' && isPattern(text), 'must be a regular expression');

function isPattern(text: string): boolean {
  try {
    return wholeMatch(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** The pattern as one that the whole of a text must match. @throws SyntaxError */
export function wholeMatch(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u');
}

export const IsText = (options?: ValidationOptions) =>
  textRule('isText', (text) => text.trim() !== '' && text.length <= 1_000, 'must be text', options);

export const IsMatch = (pattern: RegExp, rule: string, options?: ValidationOptions) =>
  textRule('isMatch', (text) => pattern.test(text), rule, options);

export const IsOneOf = (allowed: readonly string[], options?: ValidationOptions) =>
  textRule('isOneOf', (text) => allowed.includes(text), `must be one of ${allowed.join(', ')}`, options);

const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

export const IsDomain = (options?: ValidationOptions) =>
  textRule('isDomain', (text) => DOMAIN.test(text), 'must be a domain such as contoso.onmicrosoft.com', options);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** As URLs are kept, to be put together with a path. */
export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

/** SHA-256 of a certificate. */
export const IsFingerprint = () =>
  IsMatch(/^[0-9a-f]{2}(:?[0-9a-f]{2}){31}$/i, 'must be a SHA-256 fingerprint: 64 hex digits, with or without colons');

export const IsUuid = () => textRule('isUuid', (text) => UUID.test(text), 'must be a UUID');

export const IsMailAddress = (options?: ValidationOptions) =>
  textRule(
    'isMailAddress',
    (text) => {
      const [local, domain, ...more] = text.split('@');
      return more.length === 0 && /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}$/.test(local ?? '') && DOMAIN.test(domain ?? '');
    },
    'must be an e-mail address',
    options,
  );

/** An absolute URL of one of the protocols without user, query or fragment; `onlyOrigin` refuses a path as well. */
export const IsUrlOf = (protocols: readonly ('http' | 'https')[], { onlyOrigin = false } = {}) =>
  textRule(
    'isUrlOf',
    (text) => isPlainUrl(text, protocols, onlyOrigin),
    `must be an ${protocols.join(' or ')} URL without user${onlyOrigin ? ', path' : ''}, query and fragment`,
  );

function isPlainUrl(text: string, protocols: readonly string[], onlyOrigin: boolean): boolean {
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text) || /[?#\\]/.test(text)) return false;
  const { protocol, username, password, pathname } = new URL(text);
  return (
    protocols.some((allowed) => protocol === `${allowed}:` && text.startsWith(`${allowed}://`)) &&
    username === '' &&
    password === '' &&
    (!onlyOrigin || pathname === '/')
  );
}

export const IsHost = () =>
  textRule(
    'isHost',
    (text) => isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text),
    'must be an IP address or a host name',
  );

/** An address or a network; not one of everybody, since that would let each caller choose the address it is seen with. */
export const IsProxyAddress = (options?: ValidationOptions) =>
  textRule(
    'isProxyAddress',
    (text) => {
      const [address = '', prefix, ...more] = text.split('/');
      if (isIP(address) === 0 || more.length > 0) return false;
      return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128));
    },
    'must list IP addresses or networks such as 10.0.0.0/8',
    options,
  );

/** Where a secret comes from: `{ file: path }` or `{ env: NAME }`. */
export type SecretReference = { readonly file: string } | { readonly env: string };

/** The whole reference is one rule and none of its keys is named: somebody may have written the secret itself there. */
export const IsSecretReference = () =>
  ValidateBy({
    name: 'isSecretReference',
    validator: {
      validate: isSecretReference,
      defaultMessage: () => 'must be either { file: path } or { env: NAME }, never the secret itself',
    },
  });

/** That a certificate has no password: written out, so that one that was forgotten is not taken for none. */
export const NO_PASSWORD = 'none';

/** The variables that secrets come from. */
export function variablesOf(references: readonly (SecretReference | typeof NO_PASSWORD | undefined)[]): string[] {
  return references.flatMap((reference) =>
    reference !== undefined && reference !== NO_PASSWORD && 'env' in reference ? [reference.env] : [],
  );
}

export const IsPasswordReference = () =>
  ValidateBy({
    name: 'isPasswordReference',
    validator: {
      validate: (value) => value === NO_PASSWORD || isSecretReference(value),
      defaultMessage: () =>
        'must be either { file: path } or { env: NAME }, never the secret itself; or none for a file without a password',
    },
  });

function isSecretReference(value: unknown): value is SecretReference {
  if (typeof value !== 'object' || value === null) return false;
  const [[key, place] = [], ...more] = Object.entries(value) as [string, unknown][];
  if (more.length > 0 || typeof place !== 'string') return false;
  return (key === 'file' && place !== '') || (key === 'env' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(place));
}
