/**
 * Runs work under a signal of its own, which any of these aborts until the work is over. `AbortSignal.any` does the same, but leaves
 * something of itself in each of them, for good in one that lives as long as the process.
 *
 * @throws what `work` throws
 */
export async function underAny<T>(
  signals: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const links = signals.map((signal) => {
    const abort = () => {
      own.abort(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    return { signal, abort };
  });
  try {
    return await work(own.signal);
  } finally {
    for (const { signal, abort } of links) signal.removeEventListener('abort', abort);
  }
}
