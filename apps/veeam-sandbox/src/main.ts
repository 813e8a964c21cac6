import { readEnvironment } from './environment.js';
import { startVeeamSandbox } from './veeam-sandbox.js';

/** One line of JSON on standard output says that it is up, and where. */
async function main(): Promise<void> {
  const sandbox = await startVeeamSandbox(readEnvironment());
  console.log(JSON.stringify({ ...sandbox, control: undefined }));
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void sandbox.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // A parent that started this process with a channel and then died must not leave it behind.
  process.once('disconnect', stop);
}

main().catch((error: unknown) => {
  console.error(`veeam-sandbox: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
