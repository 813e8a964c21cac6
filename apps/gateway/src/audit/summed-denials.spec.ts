import type { NewAuditRecord } from '@app/audit';
import { ManualClock } from '@app/clock';

import { SummedDenials } from './summed-denials.js';

const MINUTE = 60_000;

function denial(over: Partial<NewAuditRecord> = {}): NewAuditRecord {
  const actor = { issuer: 'https://sso', subject: 'mallory', clientId: 'portal' };
  return { action: 'restore', decision: 'deny', policies: ['default-deny'], actor, requestId: 'one', ...over };
}

describe('denials', () => {
  let clock: ManualClock;
  let written: NewAuditRecord[];
  let unwritten: NewAuditRecord[];
  let isDown: boolean;
  let denials: SummedDenials;

  beforeEach(() => {
    clock = new ManualClock();
    written = [];
    unwritten = [];
    isDown = false;
    denials = new SummedDenials({
      perMinute: 3,
      clock,
      write: (record) => {
        if (isDown) return Promise.reject(new Error('down'));
        written.push(record);
        return Promise.resolve();
      },
      onUnwritten: (_, sum) => unwritten.push(sum),
    });
  });
  afterEach(() => denials.close());

  const record = async (times: number, over?: Partial<NewAuditRecord>) => {
    for (let n = 0; n < times; n++) await denials.record(denial(over));
  };
  const sums = () => written.filter(({ detail }) => detail?.summed !== undefined);

  it('are written as they are, up to the rate', async () => {
    await record(3);
    await clock.advance(MINUTE);
    expect(written).toEqual([denial(), denial(), denial()]);
  });

  it('beyond it are one record with their number, when the minute is over', async () => {
    await record(3);
    await clock.advance(1_000);
    await record(1, { policies: ['freeze'] });
    await clock.advance(5_000);
    await record(4, { reason: 'because' });
    expect(written).toHaveLength(3);
    await clock.advance(MINUTE);
    expect(written.slice(3)).toEqual([
      {
        action: 'restore',
        decision: 'deny',
        policies: ['default-deny', 'freeze'],
        actor: denial().actor,
        organization: undefined,
        detail: { summed: 5, from: '2026-01-15T12:00:01.000Z', to: '2026-01-15T12:00:06.000Z' },
      },
    ]);
  });

  it('are written one by one again in the next minute', async () => {
    await record(5);
    await clock.advance(MINUTE);
    written = [];
    await record(5);
    expect(written).toEqual([denial(), denial(), denial()]);
  });

  it.each<[string, Partial<NewAuditRecord>]>([
    ['another caller', { actor: { issuer: 'https://sso', subject: 'bob', clientId: 'portal' } }],
    [
      'the same subject of another issuer',
      { actor: { issuer: 'https://other', subject: 'mallory', clientId: 'portal' } },
    ],
    ['another application', { actor: { issuer: 'https://sso', subject: 'mallory', clientId: 'script' } }],
    ['another action', { action: 'save' }],
    ['another organization', { organization: 'contoso.onmicrosoft.com' }],
  ])('of %s have a rate of their own', async (_, over) => {
    await record(4);
    written = [];
    await record(1, over);
    expect(written).toEqual([denial(over)]);
  });

  it('at the same time are not more than the rate', async () => {
    await Promise.all(Array.from({ length: 20 }, () => denials.record(denial())));
    await clock.advance(MINUTE);
    expect(written).toHaveLength(4);
    expect(sums()).toMatchObject([{ detail: { summed: 17 } }]);
  });

  it('that cannot be written fail, however many there are', async () => {
    isDown = true;
    for (let n = 0; n < 10; n++) await expect(denials.record(denial())).rejects.toThrow('down');
    isDown = false;
    await record(4);
    expect(written).toHaveLength(3);
  });

  it('whose sum cannot be written are told of, and are in the next sum', async () => {
    await record(5);
    isDown = true;
    await clock.advance(MINUTE);
    expect(unwritten).toMatchObject([{ detail: { summed: 2 } }]);
    isDown = false;
    written = [];
    await record(4);
    expect(written).toHaveLength(3);
    await clock.advance(MINUTE);
    expect(sums()).toMatchObject([{ detail: { summed: 3, from: '2026-01-15T12:00:00.000Z' } }]);
  });

  it('whose sum cannot be written are in a later sum also when nobody is denied anything any more', async () => {
    await record(5);
    isDown = true;
    await clock.advance(MINUTE);
    isDown = false;
    await clock.advance(MINUTE);
    expect(sums()).toMatchObject([{ detail: { summed: 2 } }]);
    written = [];
    await clock.advance(10 * MINUTE);
    expect(written).toEqual([]);
  });

  it('of more callers than fit into memory are written one by one, and those of the others go on to be summed', async () => {
    await record(4);
    for (let n = 0; n < 10_000; n++) {
      await record(1, { actor: { issuer: 'https://sso', subject: `subject ${n}` } });
    }
    written = [];
    await record(5, { actor: { issuer: 'https://sso', subject: 'late' } });
    await record(5);
    expect(written).toHaveLength(5);
    expect(written.every(({ actor }) => actor?.subject === 'late')).toBe(true);
  });

  it('are summed up at the end', async () => {
    await record(5);
    await denials.close();
    expect(sums()).toMatchObject([{ detail: { summed: 2 } }]);
    await clock.advance(MINUTE);
    expect(sums()).toHaveLength(1);
  });
});
