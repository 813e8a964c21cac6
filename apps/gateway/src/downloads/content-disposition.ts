/** UTF-8 bytes a file name may take. File systems end at 255; browsers append " (1)" and ".crdownload". */
const LONGEST_NAME = 200;
const FALLBACK = 'download';

/** What Windows opens as a device, whatever extension follows. The superscript digits count as digits there. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?= *(?:\.|$))/i;

/**
 * The `Content-Disposition` of a download (RFC 6266), with the name twice: as ASCII for old clients and as UTF-8 (RFC 8187).
 * Whatever the name holds, the client gets one that is safe to create as a file on any system and that shows what it is.
 */
export function contentDisposition(fileName: string): string {
  const name = safeName(fileName, LONGEST_NAME) || FALLBACK;
  return `attachment; filename="${asciiName(name)}"; filename*=UTF-8''${extendedValue(name)}`;
}

/** Empty when nothing of the name is left. */
export function safeName(name: string, maxBytes: number): string {
  const shown = name
    .normalize('NFC')
    // Controls, bidi overrides and other invisible format characters, lone surrogates, line separators.
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '')
    .replace(/[<>:"/\\|?*]/g, '_')
    .replace(/\s+/g, ' ');
  return shorten(defuse(trimEdges(shown)), maxBytes);
}

/** Windows drops dots and spaces at the end; a leading dot hides the file elsewhere. */
function trimEdges(name: string): string {
  return name.replace(/^[. ]+|[. ]+$/g, '');
}

function defuse(name: string): string {
  return name.replace(RESERVED, '_$&');
}

/** Cuts the stem and keeps the extension; never inside a code point. */
function shorten(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const extension = /\.[^. ]{1,16}$/u.exec(name)?.[0] ?? '';
  let room = maxBytes - Buffer.byteLength(extension);
  let end = 0;
  for (const character of name.slice(0, name.length - extension.length)) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    end += character.length;
  }
  return trimEdges(name.slice(0, end)) + extension;
}

/** Without accents where that is enough, else with `_`. Some browsers decode percent escapes here, so it holds none. */
function asciiName(name: string): string {
  const ascii = name
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^\x20-\x7e]|%/gu, '_');
  return safeName(ascii, LONGEST_NAME) || FALLBACK;
}

/** RFC 8187 3.2.1: `encodeURIComponent` leaves four characters bare that are no attr-char. */
function extendedValue(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
