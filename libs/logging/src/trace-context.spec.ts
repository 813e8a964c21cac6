import { newTraceContext, traceparent } from './trace-context.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

describe('newTraceContext', () => {
  it.each([`00-${traceId}-${parentId}-01`, `cc-${traceId}-${parentId}-01-what-the-future-brings`])(
    'notes the trace of the caller in %s and makes one of its own',
    (incoming) => {
      const context = newTraceContext(incoming);
      expect(context.callerTraceId).toBe(traceId);
      expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(context.traceId).not.toBe(traceId);
      expect(context.spanId).toMatch(/^[0-9a-f]{16}$/);
    },
  );

  it.each([
    undefined,
    '',
    'garbage',
    ['a', 'b'],
    `00-${traceId}-${parentId}-01-more`,
    `ff-${traceId}-${parentId}-01`,
    `00-${traceId.toUpperCase()}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${parentId}-01\n`,
  ])('ignores %j', (incoming) => {
    expect(newTraceContext(incoming).callerTraceId).toBeUndefined();
  });
});

describe('traceparent', () => {
  it('names the trace and a new span each time', () => {
    const context = newTraceContext();
    const [first, second] = [traceparent(context), traceparent(context)];
    expect(first).toMatch(new RegExp(`^00-${context.traceId}-[0-9a-f]{16}-01$`));
    expect(second).not.toBe(first);
  });
});
