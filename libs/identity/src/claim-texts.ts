import { TokenRefusedError } from './refusal.js';

/** 1 to 256 characters, none of them a control, a format character (which could turn the text around in a log) or half of one. */
const TEXT = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u;
/** OpenID Connect Core 1.0, section 2: at most 255 ASCII characters. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;

/** @throws TokenRefusedError */
export function asText(value: unknown): string {
  if (typeof value !== 'string' || !TEXT.test(value)) throw new TokenRefusedError('unsound-claims');
  return value;
}

export function isSubject(value: unknown): value is string {
  return typeof value === 'string' && SUBJECT.test(value);
}
