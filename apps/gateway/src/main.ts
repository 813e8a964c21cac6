import { ConfigurationError, loadConfiguration } from '@app/config';

import { createApp, loggerOf } from './configure-app.js';
import { ManagementServer } from './management/management-server.js';

try {
  const configuration = await loadConfiguration();
  const logger = loggerOf(configuration);
  const app = await createApp(configuration, { logger });
  await app.get(ManagementServer).listen();
  await app.listen(configuration.server.port, configuration.server.host);
  logger.info({ url: configuration.server.publicUrl }, 'ready for requests');
} catch (error) {
  // Before there is a logger, and in words an operator can act on: a configuration's faults name keys, never values.
  process.stderr.write(error instanceof ConfigurationError ? `${error.message}\n` : `${startFailure(error)}\n`);
  process.exit(1);
}

function startFailure(error: unknown): string {
  return `The gateway could not start: ${error instanceof Error ? error.message : 'unknown failure'}`;
}
