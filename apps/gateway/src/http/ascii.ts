/**
 * Lower-cases A to Z and nothing else. `toLowerCase()` would make a K of U+212A KELVIN SIGN, so that a look-alike
 * would pass for the name.
 */
export function lowerCaseAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
