import { UpstreamBrokenError } from '@app/problems';
import type { Route } from '../transport/route.js';
import type { WireValue } from './body.js';

export type Method = 'GET' | 'POST' | 'PUT';

/** One request of a dialect and how its answer reads. Data and a pure function: nothing is sent by making one. */
export interface Call<T> {
  readonly method: Method;
  /** Below the version. */
  readonly route: Route;
  readonly body?: WireValue;
  /**
   * @param answer of a status 2xx
   * @throws UpstreamBrokenError
   */
  readonly read: (answer: AnswerReader) => T;
}

/** The body of an answer, parsed when asked for: many calls do not care. */
export interface AnswerReader {
  /** Undefined for an empty body. */
  json(): unknown;
}

export function get<T>(route: Route, read: (body: unknown) => T): Call<T> {
  return { method: 'GET', route, read: (answer) => read(answer.json()) };
}

export function post<T>(route: Route, body: WireValue, read: (body: unknown) => T): Call<T> {
  return { method: 'POST', route, body, read: (answer) => read(answer.json()) };
}

/** As `command`, for what replaces something. */
export function put(route: Route, body: WireValue): Call<void> {
  return { method: 'PUT', route, body, read: () => undefined };
}

/** For calls whose answer says nothing beyond its status, with a body or without one. */
export function command(route: Route, body?: WireValue): Call<void> {
  return { method: 'POST', route, ...(body === undefined ? {} : { body }), read: () => undefined };
}

export function answerReader(text: string): AnswerReader {
  return {
    json: () => {
      // A byte order mark is not JSON (RFC 8259, section 8.1), but .NET likes to write one.
      const json = text.replace(/^\uFEFF/, '').trim();
      if (json === '') return undefined;
      try {
        return JSON.parse(json) as unknown;
      } catch {
        throw new UpstreamBrokenError('The backup server sent something that is not JSON.');
      }
    },
  };
}
