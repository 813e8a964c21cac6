import { REDACTED } from './secret.js';

/** A value after `Bearer`; sixteen characters at least, so that prose about bearer tokens stays readable. */
const BEARER = /((?:[Bb]earer|BEARER)(?: |%20|\+){1,8})[\w.~+/-]{16,}=*/g;

/** Runs of characters a JWT is made of (RFC 7519). Only a class with a count: anything richer could be made to backtrack. */
const COMPACT_RUN = /[\w.-]{20,}/g;

/** Every JOSE header begins with `{"`, which is `eyJ` in base64url. */
const JOSE_HEADER = 'eyJ';

/** Replaces whatever looks like a bearer token or a JWT, known or not. */
export function redactTokens(text: string): string {
  const withoutJwts = text.includes(JOSE_HEADER) ? text.replace(COMPACT_RUN, redactJwt) : text;
  return withoutJwts.replace(BEARER, `$1${REDACTED}`);
}

function redactJwt(run: string): string {
  const start = run.indexOf(JOSE_HEADER);
  if (start < 0) return run;
  const afterHeader = run.indexOf('.', start);
  const isJwt = afterHeader >= 0 && run.includes('.', afterHeader + 1);
  return isJwt ? run.slice(0, start) + REDACTED : run;
}
