import { TooManyDownloadsError } from '@app/problems';
import { CallerSlots, type SlotLimits } from './caller-slots.js';

const issuer = 'https://login.contoso.com';
const limits = { what: 'downloads', retryAfterSeconds: 15, Refusal: TooManyDownloadsError };

/** By the names of callers. */
function slotsOf(numbers: Pick<SlotLimits, 'perCaller' | 'total'>) {
  const slots = new CallerSlots({ ...limits, ...numbers });
  return { acquire: (subject: string) => slots.acquire({ issuer, subject }) };
}

describe('CallerSlots', () => {
  const slots = () => slotsOf({ perCaller: 2, total: 3 });

  it('gives a caller as many as it may have, and no more', () => {
    const all = slots();
    all.acquire('alice');
    all.acquire('alice');
    expect(() => all.acquire('alice')).toThrow(TooManyDownloadsError);
    expect(() => all.acquire('bob')).not.toThrow();
  });

  it('tells callers of one name apart by their issuers', () => {
    const all = new CallerSlots({ ...limits, perCaller: 1, total: 3 });
    all.acquire({ issuer, subject: 'alice' });
    expect(() => all.acquire({ issuer: 'https://login.fabrikam.com', subject: 'alice' })).not.toThrow();
    expect(() => all.acquire({ issuer, subject: 'alice' })).toThrow('You have 1 downloads running');
  });

  it('gives all callers together no more than there are', () => {
    const all = slots();
    for (const caller of ['alice', 'bob', 'fred']) all.acquire(caller);
    expect(() => all.acquire('oscar')).toThrow(TooManyDownloadsError);
  });

  it('says when to try again', () => {
    const all = slotsOf({ perCaller: 1, total: 1 });
    all.acquire('alice');
    expect(() => all.acquire('alice')).toThrow(expect.objectContaining({ retryAfterSeconds: 15 }));
  });

  it('a refused caller takes no slot', () => {
    const all = slots();
    const first = all.acquire('alice');
    all.acquire('alice');
    expect(() => all.acquire('alice')).toThrow(TooManyDownloadsError);
    first();
    expect(() => all.acquire('alice')).not.toThrow();
  });

  it('gives a slot back once, however often it is released', () => {
    const all = slots();
    const release = all.acquire('alice');
    all.acquire('alice');
    release();
    release();
    all.acquire('alice');
    expect(() => all.acquire('alice')).toThrow(TooManyDownloadsError);
  });

  it('forgets callers who have nothing running', () => {
    const all = slots();
    for (let caller = 0; caller < 1000; caller++) all.acquire(`caller ${caller}`)();
    for (const caller of ['alice', 'bob', 'fred']) all.acquire(caller);
    expect(() => all.acquire('oscar')).toThrow(TooManyDownloadsError);
  });
});
