import { spawn, type ChildProcess } from 'node:child_process';

/** Calls the watch off; to be done once the child is gone, before its process id is somebody else's. */
export type CallOff = () => void;

/**
 * Ends `child` when this process ends, be it by SIGKILL: a shell waits for the end of its input, which comes with the
 * end of whoever holds the other end of the pipe.
 *
 * @param folder removed afterwards, when given
 */
export function stopWithThisProcess(child: ChildProcess, signal: 'INT' | 'TERM', folder = ''): CallOff {
  const script = `
    cat > /dev/null
    kill -"$1" "$2" 2> /dev/null
    tries=0
    while kill -0 "$2" 2> /dev/null && [ $tries -lt 150 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$2" 2> /dev/null
    if [ -n "$3" ]; then rm -rf "$3"; fi`;
  const guard = spawn('/bin/sh', ['-c', script, 'sh', signal, String(child.pid), folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.unref();
  return () => guard.kill('SIGKILL');
}
