import { ValidationFailedError } from '@app/problems';

import { lowerCaseAscii } from './ascii.js';
import { fieldPath } from './field-path.js';

const deepestNesting = 16;

/** No double needs more characters than this; it also bounds what `denotesItsDouble` looks at. */
const longestNumber = 64;

/**
 * Keys that reach the prototype once somebody copies or lower-cases them into an object, or that such a copy drops
 * because a method of that name is inherited (class-transformer skips `toString`, the whitelist lets `hasOwnProperty` by).
 */
const inheritedKeys = new Set(['prototype', ...Object.getOwnPropertyNames(Object.prototype)].map(lowerCaseAscii));

const strings = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const numbers = /-?\d[\d.eE+-]*/y;

interface OpenObject {
  readonly kind: 'object';
  /** Names so far, lower-cased. */
  readonly names: Set<string>;
  key: string;
  expectsKey: boolean;
}

interface OpenArray {
  readonly kind: 'array';
  key: number;
}

/**
 * JSON (RFC 8259) with no room for two readings: refuses names that occur twice in one object or differ only in ASCII
 * case, names of the prototype, nesting deeper than 16, strings with NUL or a lone surrogate, and numbers that a double
 * cannot hold exactly.
 *
 * @throws ValidationFailedError that names the member, never its value
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the fault, which may be a password.
    throw fault(
      [],
      /[\u201c\u201d]/.test(text)
        ? 'The body is not valid JSON: it has curly quotes where plain quotes (") belong.'
        : 'The body is not valid JSON.',
    );
  }
  refuseAmbiguities(text);
  return value;
}

/** Walks text that is known to be valid JSON. The stack is its own, so that no text can exhaust the call stack. */
function refuseAmbiguities(text: string): void {
  const open: (OpenObject | OpenArray)[] = [];
  let at = 0;
  while (at < text.length) {
    const inside = open.at(-1);
    switch (text[at]) {
      case '{':
      case '[':
        if (open.length === deepestNesting) {
          throw fault(open, `must not be nested deeper than ${deepestNesting} levels`);
        }
        open.push(
          text[at] === '{'
            ? { kind: 'object', names: new Set(), key: '', expectsKey: true }
            : { kind: 'array', key: 0 },
        );
        at += 1;
        break;
      case '}':
      case ']':
        open.pop();
        at += 1;
        break;
      case ',':
        if (inside?.kind === 'object') {
          inside.expectsKey = true;
        } else if (inside) {
          inside.key += 1;
        }
        at += 1;
        break;
      case '"': {
        const token = tokenAt(text, at, strings);
        const content = JSON.parse(token) as string;
        if (inside?.kind === 'object' && inside.expectsKey) {
          inside.key = content;
          inside.expectsKey = false;
          refuseName(open, inside);
        }
        if (/\0|\p{Surrogate}/u.test(content)) {
          throw fault(open, 'must not hold NUL or a lone surrogate');
        }
        at += token.length;
        break;
      }
      default: {
        const token = tokenAt(text, at, numbers);
        if (token && !denotesItsDouble(token)) {
          throw fault(open, 'must be a number that a double-precision float can hold');
        }
        at += token.length || 1;
      }
    }
  }
}

function refuseName(open: readonly (OpenObject | OpenArray)[], { key, names }: OpenObject): void {
  const name = lowerCaseAscii(key);
  if (inheritedKeys.has(name)) {
    throw fault(open, 'is not allowed as a name');
  }
  if (names.has(name)) {
    throw fault(open, 'must not occur twice, whatever its case');
  }
  names.add(name);
}

function tokenAt(text: string, at: number, pattern: RegExp): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** Whether the decimal number and the double it is read as print the same. */
function denotesItsDouble(token: string): boolean {
  return token.length <= longestNumber && canonicalDecimal(token) === canonicalDecimal(String(Number(token)));
}

function canonicalDecimal(token: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant === '' && whole !== ''
    ? '0'
    : `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

function fault(open: readonly { key: string | number }[], message: string): ValidationFailedError {
  return new ValidationFailedError([{ field: fieldPath(open.map(({ key }) => key)), message }]);
}
