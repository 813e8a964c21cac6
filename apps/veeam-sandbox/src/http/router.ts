import { badRequest } from '../world/sandbox-error.js';
import type { Route } from './api-version.js';

interface Compiled {
  readonly route: Route;
  readonly parts: readonly string[];
}

export interface Found {
  readonly route: Route;
  /** By their names in lower case. */
  readonly params: ReadonlyMap<string, string>;
}

/** Finds routes by path without regard to case. Parameters may hold anything once decoded, a `/` too. */
export class Router {
  private readonly compiled: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    this.compiled = routes.map((route) => ({ route, parts: route.pattern.split('/') }));
  }

  /** `wrong-method` when only other methods are served there. */
  find(method: string, segments: readonly string[]): Found | 'wrong-method' | undefined {
    const fitting = this.compiled.filter(({ parts }) => fits(parts, segments));
    const chosen = fitting.find(({ route }) => route.method === method);
    if (!chosen) return fitting.length > 0 ? 'wrong-method' : undefined;
    const params = new Map<string, string>();
    chosen.parts.forEach((part, i) => {
      if (part.startsWith('{')) params.set(part.slice(1, -1).toLowerCase(), segments[i] ?? '');
    });
    return { route: chosen.route, params };
  }
}

function fits(parts: readonly string[], segments: readonly string[]): boolean {
  return (
    parts.length === segments.length &&
    parts.every((part, i) => part.startsWith('{') || part.toLowerCase() === segments[i]?.toLowerCase())
  );
}

/**
 * The decoded segments of a path. Like the Windows HTTP service it resolves dot segments, encoded ones too, so that a client
 * which lets them through really ends up elsewhere.
 */
export function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  for (const raw of path.split('/').filter((segment) => segment !== '')) {
    const segment = decoded(raw);
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  }
  return segments;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest('The request path is not well-formed.');
  }
}
