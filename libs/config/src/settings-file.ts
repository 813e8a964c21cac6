import { createHash } from 'node:crypto';
import { plainToInstance } from 'class-transformer';
import { readFile, stat } from 'node:fs/promises';
import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { Faults } from './faults.js';
import { Settings } from './settings.js';
import { validateInto } from './validation.js';

const KEY = 'GATEWAY_CONFIG';
const LARGEST_BYTES = 1024 * 1024;

/** What a settings file holds, and the digest of the text that says so. */
export interface SettingsFile {
  readonly settings: Settings;
  readonly digest: string;
}

/** SHA-256 in hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The YAML file, if its shape is sound; what is wrong with it is among the faults. */
export async function readSettings(path: string, faults: Faults): Promise<SettingsFile | undefined> {
  const text = await readText(path, faults);
  const content = text === undefined ? undefined : parse(text, faults);
  if (content === undefined) return undefined;

  const settings = plainToInstance(Settings, content);
  const shape = new Faults();
  validateInto(shape, settings);
  faults.addAll(shape);
  return shape.hasAny || text === undefined ? undefined : { settings, digest: digestOf(text) };
}

async function readText(path: string, faults: Faults): Promise<string | undefined> {
  try {
    const file = await stat(path);
    if (!file.isFile() || file.size > LARGEST_BYTES) {
      faults.add(KEY, 'must name a regular file of at most 1 MiB');
      return undefined;
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    faults.add(KEY, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
    return undefined;
  }
}

/** The parser's own messages quote the file, so only place and code of an error go on. */
function parse(text: string, faults: Faults): object | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const mistakes: [offset: number, rule: string][] = [
    ...[...document.errors, ...document.warnings].map(({ pos, code }): [number, string] => [pos[0], words(code)]),
    ...unwanted(document),
  ];
  for (const [offset, rule] of mistakes) {
    const { line, col } = lines.linePos(offset);
    faults.add(KEY, `line ${line}, column ${col}: ${rule}`);
  }
  if (mistakes.length > 0) return undefined;

  const content: unknown = document.toJS();
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  faults.add(KEY, 'must hold a mapping');
  return undefined;
}

function words(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

/** class-transformer would drop the two keys below in silence. */
function unwanted(document: Document): [offset: number, rule: string][] {
  const found: [number, string][] = [];
  visit(document, {
    Alias: (_, { range }) => void found.push([range?.[0] ?? 0, 'aliases are not supported']),
    Pair: (_, { key }) => {
      if (!isScalar(key) || !['__proto__', 'constructor'].includes(String(key.value))) return;
      found.push([key.range?.[0] ?? 0, 'is not a known key']);
    },
  });
  return found;
}
