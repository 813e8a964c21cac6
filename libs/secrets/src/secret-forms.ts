/**
 * The texts a secret may turn up as: plain, base64 (at each of its three alignments), base64url, URL-encoded, JSON-escaped
 * (once and twice) and hex. A URL with a password in it, such as `DATABASE_URL`, is also known by the password alone.
 */
export function formsOf(value: string): Set<string> {
  const forms = new Set<string>();
  for (const text of [value, ...passwordsOf(value)]) {
    if (text.length < SHORTEST_KNOWN) continue;
    for (const form of [text, ...urlForms(text), ...jsonForms(text), ...base64Forms(text), ...hexForms(text)]) {
      if (form.length >= SHORTEST_KNOWN) forms.add(form);
    }
  }
  return forms;
}

/** Anything shorter occurs in ordinary text by chance, and replacing it would make the logs unreadable. */
export const SHORTEST_KNOWN = 6;

function passwordsOf(value: string): string[] {
  if (!URL.canParse(value)) return [];
  const { password } = new URL(value);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

function urlForms(text: string): string[] {
  const wellFormed = Buffer.from(text, 'utf8').toString();
  const component = encodeURIComponent(wellFormed);
  const strict = component.replace(/[!'()*]/g, percent);
  const form = new URLSearchParams({ '': wellFormed }).toString().slice(1);
  const upper = [component, strict, form, encodeURI(wellFormed)];
  return [...upper, ...upper.map((encoded) => encoded.replace(/%[0-9A-F]{2}/g, (octet) => octet.toLowerCase()))];
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function jsonForms(text: string): string[] {
  const plain = jsonEscape(text);
  const ascii = plain.replace(/[\u007f-\uffff]/g, unicodeEscape);
  // The way of .NET's System.Text.Json, which upstream may answer with.
  const dotNet = Array.from({ length: text.length }, (_, index) => text.charAt(index))
    .map((unit) =>
      /["&'+<>`]|[^ -~]/.test(unit) && !/[\b\f\n\r\t]/.test(unit) ? unicodeEscape(unit) : jsonEscape(unit),
    )
    .join('');
  const upper = (escaped: string) => escaped.replace(/\\u[0-9a-f]{4}/g, (unit) => `\\u${unit.slice(2).toUpperCase()}`);
  const once = [plain, ascii, upper(ascii), dotNet, upper(dotNet)];
  return [...once, ...once.map(jsonEscape)];
}

function jsonEscape(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Where the secret stands in the middle of something encoded, the characters at its edges hold bits of its neighbours; what is
 * left without them is the same whatever the neighbours are.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const core = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function hexForms(text: string): string[] {
  const hex = Buffer.from(text, 'utf8').toString('hex');
  return [hex, hex.toUpperCase()];
}
