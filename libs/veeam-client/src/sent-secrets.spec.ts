import { Secret } from '@app/secrets';

import { SentSecrets } from './sent-secrets.js';

const secrets = (count: number) => Array.from({ length: count }, (_, index) => new Secret(`token-number-${index}-x`));

describe('SentSecrets', () => {
  it('takes what was sent and what is configured out of words, and nothing else', () => {
    const configured = { current: new Secret('the-password') };
    const sent = new SentSecrets([configured]);
    sent.sending([new Secret('a-device-code')]);
    expect(sent.scrub('no login with the-password, a-device-code or another')).toBe(
      'no login with [redacted], [redacted] or another',
    );
    configured.current = new Secret('the-next-one');
    expect(sent.scrub('the-next-one after the-password')).toBe('[redacted] after [redacted]');
  });

  it('takes them out of every text of an issue and an event, and leaves all else of them', () => {
    const sent = new SentSecrets();
    sent.sending([new Secret('hunter2-hunter2')]);
    const issue = {
      path: '/hunter2-hunter2',
      title: undefined,
      severity: 'error' as const,
      message: 'hunter2-hunter2!',
    };
    expect(sent.scrubOutcome({ total: 3, issues: [issue] })).toEqual({
      total: 3,
      issues: [{ path: '/[redacted]', title: undefined, severity: 'error', message: '[redacted]!' }],
    });
    const event = {
      order: 4,
      kind: 'restore' as const,
      state: 'failed' as const,
      startedAt: '2026-01-15T10:00:00Z',
      endedAt: undefined,
      itemName: 'hunter2-hunter2.docx',
      message: 'of hunter2-hunter2',
    };
    expect(sent.scrubEvent(event)).toEqual({ ...event, itemName: '[redacted].docx', message: 'of [redacted]' });
  });

  it('forgets the oldest of very many, but nothing that is configured or was sent again', () => {
    const sent = new SentSecrets([{ current: new Secret('the-password') }]);
    const [first, second, ...others] = secrets(110);
    if (!first || !second) throw new Error('none');
    sent.sending([first, second]);
    for (const other of others) {
      sent.sending([other, first]);
      sent.scrub('');
    }
    expect(sent.scrub(`${first.expose()} ${second.expose()} the-password`)).toBe(
      `[redacted] ${second.expose()} [redacted]`,
    );
  });
});
