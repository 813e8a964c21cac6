import { ManualClock } from '@app/clock';

import { Lease } from './lease.js';

const DURATION = 60_000;

describe('a lease', () => {
  let clock: ManualClock;
  let answer: () => Promise<boolean>;
  let failures: unknown[];
  let lease: Lease;

  beforeEach(() => {
    clock = new ManualClock();
    answer = () => Promise.resolve(true);
    failures = [];
    lease = new Lease(new Date(clock.now() + DURATION), {
      clock,
      durationMs: DURATION,
      renewEveryMs: DURATION / 3,
      renew: () => answer(),
      onFailure: (error) => failures.push(error),
    });
  });
  afterEach(() => {
    lease.stop();
  });

  it('allows sending for as long as it is renewed', async () => {
    for (let n = 0; n < 10; n++) {
      await clock.advance(DURATION / 3);
      expect(lease.allowsSending()).toBe(true);
    }
  });

  it('allows nothing once too little of it is left, and again when it could be renewed', async () => {
    answer = () => Promise.reject(new Error('the database is away'));
    await clock.advance((DURATION * 2) / 3 - 1);
    expect(lease.allowsSending()).toBe(true);
    await clock.advance(1);
    expect(lease.allowsSending()).toBe(false);
    expect(failures).not.toEqual([]);
    answer = () => Promise.resolve(true);
    await clock.advance(DURATION / 3);
    expect(lease.allowsSending()).toBe(true);
  });

  it('allows nothing any more once the claim was lost, whoever asks later', async () => {
    answer = () => Promise.resolve(false);
    await clock.advance(DURATION / 3);
    expect(lease.allowsSending()).toBe(false);
    answer = () => Promise.resolve(true);
    await clock.advance(DURATION);
    expect(lease.allowsSending()).toBe(false);
  });

  it('allows nothing when the process was paused beyond it', async () => {
    const renewed: number[] = [];
    answer = () => {
      renewed.push(clock.now());
      return new Promise(() => undefined);
    };
    await clock.advance(2 * DURATION);
    expect(renewed).not.toEqual([]);
    expect(lease.allowsSending()).toBe(false);
  });
});
