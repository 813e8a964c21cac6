import { setTimeout as pause } from 'node:timers/promises';

import type { ManualClock } from '@app/clock';

const LOOK_EVERY_MS = 40;
const PATIENCE_MS = 25_000;

export interface Moving {
  readonly clock: Pick<ManualClock, 'advance'>;
  /** How far the gateway's clock is moved before each look, ms. */
  readonly by: number;
}

/** The first result that is neither undefined nor false. What the gateway does at its own pace is looked at until it is done. */
export function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  moving?: Moving,
): Promise<T> {
  return lookUntil(look, () => pause(LOOK_EVERY_MS), moving);
}

async function lookUntil<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  next: () => Promise<unknown>,
  moving: Moving | undefined,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    await moving?.clock.advance(moving.by);
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await next();
  }
  throw new Error(`This did not come to be: ${look.toString()}`);
}

/** The outcome of a promise, with the gateway's clock moved on until it settles. */
export async function whileAdvancing<T>(moving: Moving, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  );
  await lookUntil(
    () => isSettled,
    () => Promise.race([settled, pause(LOOK_EVERY_MS)]),
    moving,
  );
  await settled;
  return promise;
}
