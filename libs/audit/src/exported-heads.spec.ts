import { headsOf, UnreadableHeadError } from './exported-heads.js';

const head = { writer: '6f1f2c9e-0a53-4a0e-9a62-2f3a2f6d8a01', seq: 7, hash: 'ab'.repeat(32) };

async function read(lines: readonly string[]) {
  const heads = [];
  for await (const found of headsOf(lines)) heads.push(found);
  return heads;
}

describe('headsOf', () => {
  it('finds heads among the lines of a log or an export', async () => {
    const lines = [
      JSON.stringify({ level: 'info', time: '2026-01-15T12:00:00.000Z', head, msg: 'audit head' }),
      JSON.stringify({ level: 'info', msg: 'the "head" of nothing' }),
      'a line that is no JSON',
      JSON.stringify({ hash: head.hash, prev: head.hash, record: { detail: { head: 'of a record' } } }),
      '',
      JSON.stringify({ head: { ...head, seq: 9 } }),
    ];
    expect(await read(lines)).toEqual([head, { ...head, seq: 9 }]);
  });

  it.each([
    ['no writer', { ...head, writer: undefined }],
    ['a writer in capitals', { ...head, writer: head.writer.toUpperCase() }],
    ['no place', { ...head, seq: 0 }],
    ['a broken place', { ...head, seq: 1.5 }],
    ['a short hash', { ...head, hash: 'ab' }],
    ['nothing', null],
  ])('refuses a head with %s, by its line', async (_, broken) => {
    await expect(read(['', JSON.stringify({ head: broken })])).rejects.toEqual(new UnreadableHeadError(2));
  });
});
