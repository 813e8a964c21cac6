// Lets a thread of a spec load TypeScript: with --import it registers itself as what Node.js resolves and loads modules by.
import { transformFile } from '@swc/core';
import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread, threadId } from 'node:worker_threads';

if (!isMainThread && !globalThis.isTypeScriptLoader) {
  globalThis.isTypeScriptLoader = true;
  register(import.meta.url, { data: threadId });
}

export function initialize() {
  globalThis.isTypeScriptLoader = true;
}

export async function resolve(specifier, context, next) {
  if (/^\.{1,2}\//.test(specifier) && specifier.endsWith('.js')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), { module: { type: 'es6' } });
  return { source: code, format: 'module', shortCircuit: true };
}
