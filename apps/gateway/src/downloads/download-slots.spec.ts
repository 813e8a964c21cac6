import { TooManyDownloadsError } from '@app/problems';
import { DownloadSlots } from './download-slots.js';

describe('DownloadSlots', () => {
  const slots = () => new DownloadSlots({ perCaller: 2, total: 3, retryAfterSeconds: 15 });

  it('gives a caller as many as it may have, and no more', () => {
    const all = slots();
    all.acquire('alice');
    all.acquire('alice');
    expect(() => all.acquire('alice')).toThrow(TooManyDownloadsError);
    expect(() => all.acquire('bob')).not.toThrow();
  });

  it('gives all callers together no more than there are', () => {
    const all = slots();
    for (const caller of ['alice', 'bob', 'fred']) all.acquire(caller);
    expect(() => all.acquire('oscar')).toThrow(TooManyDownloadsError);
  });

  it('says when to try again', () => {
    const all = new DownloadSlots({ perCaller: 1, total: 1, retryAfterSeconds: 15 });
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
