import { readEnvironment } from './environment.js';
import { startSsoSandbox } from './index.js';

try {
  const options = readEnvironment();
  const sandbox = await startSsoSandbox({
    ...options,
    onError: (error) => {
      console.error(error);
    },
  });

  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    void sandbox.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // The channel to the parent closes when the parent is gone, however it died.
  process.on('disconnect', stop);

  const { issuer, audience, jwksUri } = sandbox;
  console.log(JSON.stringify({ issuer, audience, jwksUri }));
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  console.error(code === 'EADDRINUSE' ? 'The port is taken: set SSO_SANDBOX_PORT to a free one.' : message);
  process.exit(1);
}
