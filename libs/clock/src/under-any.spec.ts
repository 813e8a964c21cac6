import { getEventListeners } from 'node:events';

import { underAny } from './under-any.js';

describe('underAny', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const signals = [one.signal, other.signal];
  const listeners = () => signals.map((signal) => getEventListeners(signal, 'abort').length);

  it('leaves nothing in the signals once the work is over, however it ended', async () => {
    expect(await underAny(signals, () => Promise.resolve(listeners()))).toEqual([1, 1]);
    await expect(underAny(signals, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(listeners()).toEqual([0, 0]);
  });

  it('aborts the work with the reason of the first that is aborted', async () => {
    const reason = new Error('enough');
    const seen = await underAny(signals, (signal) => {
      other.abort(reason);
      one.abort(new Error('too late'));
      return Promise.resolve(signal);
    });
    expect(seen).toMatchObject({ aborted: true, reason });
  });

  it('begins as aborted where one is already', async () => {
    expect(await underAny(signals, (signal) => Promise.resolve(signal.aborted))).toBe(true);
  });
});
