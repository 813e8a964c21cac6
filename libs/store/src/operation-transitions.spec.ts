import { InternalError } from '@app/problems';

import { isFinal, type OperationState } from './operation.js';
import { requireTransitions, transitions } from './operation-transitions.js';

describe('the ways of an operation', () => {
  it('lead out of no final state', () => {
    expect(transitions.filter(({ from }) => isFinal(from))).toEqual([]);
  });

  it('begin at accepted and reach every other state', () => {
    const reached = new Set<OperationState>(['accepted']);
    // As often as there are ways: then nothing more can be reached.
    transitions.forEach(() => {
      transitions.filter(({ from }) => reached.has(from)).forEach(({ to }) => reached.add(to));
    });
    expect([...reached].sort()).toEqual(
      [
        'accepted',
        'submitting',
        'following',
        'succeeded',
        'partially-succeeded',
        'failed',
        'canceled',
        'interrupted',
      ].sort(),
    );
  });

  it.each<[OperationState, OperationState]>([
    ['accepted', 'following'],
    ['accepted', 'succeeded'],
    ['submitting', 'canceled'],
    ['following', 'accepted'],
    ['following', 'submitting'],
    ['interrupted', 'accepted'],
    ['succeeded', 'failed'],
  ])('do not go from %s to %s', (from, to) => {
    expect(() => {
      requireTransitions([from], to);
    }).toThrow(InternalError);
  });

  it('are asked for all at once', () => {
    expect(() => {
      requireTransitions(['submitting', 'following'], 'succeeded');
    }).not.toThrow();
    expect(() => {
      requireTransitions(['accepted', 'following'], 'canceled');
    }).toThrow('from following to canceled');
  });
});
