const longestName = 64;
const longestPath = 256;

/** A path such as `copyTo.oneDrive.id` out of a caller's own keys: bounded, and printable wherever it is shown. */
export function fieldPath(keys: readonly (string | number)[]): string {
  return shorten(keys.map((key) => fieldName(String(key))).join('.'), longestPath);
}

/** A caller's key fit to be shown: look-alikes, controls and bidi tricks are written as `\uXXXX`. */
export function fieldName(key: string): string {
  const escaped = key
    .slice(0, longestName + 1)
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return shorten(escaped, longestName);
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}
