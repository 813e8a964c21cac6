import { type AuditRow, chainHash, emptyChain, link } from './chain.js';
import { ChainCheck } from './chain-check.js';

const writer = '6f1f2c9e-0a53-4a0e-9a62-2f3a2f6d8a01';

function chainOf(length: number): AuditRow[] {
  const rows: AuditRow[] = [];
  for (let seq = 1; seq <= length; seq++) {
    rows.push(
      link(rows.at(-1) ?? emptyChain(writer), {
        id: `00000000-0000-4000-8000-${String(seq).padStart(12, '0')}`,
        time: '2026-01-15T12:00:00.000Z',
        action: 'restore',
        decision: 'allow',
        actor: { issuer: 'https://sso', subject: 'alice' },
        organization: 'contoso.example',
      }),
    );
  }
  return rows;
}

function check(rows: readonly AuditRow[], exported?: ReadonlyMap<number, string>) {
  const chain = new ChainCheck(emptyChain(writer), exported);
  rows.forEach((row) => {
    chain.add(row);
  });
  return chain.result();
}

const [one, two, three] = chainOf(3) as [AuditRow, AuditRow, AuditRow];

describe('link', () => {
  it('hashes the hash before and the stored text, and counts from one', () => {
    expect(one).toMatchObject({ writer, seq: 1, prev: '0'.repeat(64) });
    expect(one.text).toBe(
      `{"action":"restore","actor":{"issuer":"https://sso","subject":"alice"},"decision":"allow","id":"${one.id}","organization":"contoso.example","seq":1,"time":"2026-01-15T12:00:00.000Z","writer":"${writer}"}`,
    );
    expect(one.hash).toBe(chainHash('0'.repeat(64), one.text));
    expect(two).toMatchObject({ seq: 2, prev: one.hash });
  });

  it('hashes as sha256sum does', () => {
    // printf '%s' "$(printf '0%.0s' {1..64})a" | sha256sum
    expect(chainHash('0'.repeat(64), 'a')).toBe('798681f5061511d34f32f43ab175a3ee7007fecfdc844295e054315b0af2d23d');
  });
});

describe('ChainCheck', () => {
  it('has nothing to say of a whole chain, nor of none', () => {
    expect(check([one, two, three])).toBeUndefined();
    expect(check([])).toBeUndefined();
  });

  it.each([
    ['a missing first row', [two, three], { seq: 1, fault: 'missing' }],
    ['a missing row in the middle', [one, three], { seq: 2, fault: 'missing' }],
    ['a row before the first', [{ ...one, seq: 0 }, one], { seq: 0, fault: 'inserted' }],
    ['a row in a place that is taken', [one, two, { ...two, text: 'b' }, three], { seq: 2, fault: 'inserted' }],
    ['another hash before', [one, { ...two, prev: three.hash }], { seq: 2, fault: 'not-linked' }],
    ['a changed text', [one, { ...two, text: two.text.replace('alice', 'carol') }], { seq: 2, fault: 'changed' }],
    ['rows that changed places', [one, { ...three, seq: 2 }, { ...two, seq: 3 }], { seq: 2, fault: 'not-linked' }],
    [
      'a row written anew, by the one after it',
      [one, link(one, { id: two.id, time: '2026-01-15T12:00:00.000Z', action: 'save' }), three],
      { seq: 3, fault: 'not-linked' },
    ],
    [
      'a column that differs from its text',
      [one, { ...two, organization: 'fabrikam.example' }],
      { seq: 2, fault: 'column-changed', column: 'organization' },
    ],
    [
      'a time that differs from its text',
      [{ ...one, time: new Date(0) }],
      { seq: 1, fault: 'column-changed', column: 'time' },
    ],
    [
      'a text that is no JSON, however well linked',
      [{ ...one, text: '{', hash: chainHash(one.prev, '{') }],
      { seq: 1, fault: 'column-changed', column: 'text' },
    ],
  ])('names %s', (_, rows, fault) => {
    expect(check(rows)).toEqual({ writer, ...fault });
  });

  it.each(['service.stopped', 'audit.sealed'] as const)('names a row behind %s, however well linked', (action) => {
    const end = link(two, { id: one.id, time: '2026-01-15T12:00:00.000Z', action });
    const behind = link(end, { id: one.id, time: '2026-01-15T12:00:00.000Z', action: 'restore' });
    expect(check([one, two, end])).toBeUndefined();
    expect(check([one, two, end, behind])).toEqual({ writer, seq: 4, fault: 'after-end' });
  });

  it('names the first fault only', () => {
    expect(check([one, { ...two, text: '' }, { ...three, text: '' }])).toMatchObject({ seq: 2 });
  });

  it.each([
    ['a lost tail', [one, two], [3, three.hash], { seq: 3, fault: 'tail-missing' }],
    ['a longer lost tail by its first row', [one], [3, three.hash], { seq: 2, fault: 'tail-missing' }],
    ['a chain of which nothing is left', [], [3, three.hash], { seq: 1, fault: 'tail-missing' }],
    ['a chain written anew', [one, two, three], [2, one.hash], { seq: 2, fault: 'not-as-exported' }],
  ] as const)('names %s by an exported head', (_, rows, exported, fault) => {
    expect(check(rows, new Map([exported]))).toEqual({ writer, ...fault });
  });

  it('agrees with heads that were exported from it', () => {
    const exported = new Map([
      [1, one.hash],
      [3, three.hash],
    ]);
    expect(check([one, two, three], exported)).toBeUndefined();
  });
});
