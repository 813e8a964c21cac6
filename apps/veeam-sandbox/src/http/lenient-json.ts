import { badRequest } from '../world/sandbox-error.js';

/** JSON in which a comma may stand before a closing bracket, as older clients send it. */
export function parseLenientJson(text: string): unknown {
  const stringOrComma = /("[^"\\]*(?:\\.[^"\\]*)*")|,(?=\s*[\]}])/gs;
  return parseStrictJson(text.replace(stringOrComma, (_match, quoted?: string) => quoted ?? ''));
}

export function parseStrictJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('The request body is not valid JSON.');
  }
}
