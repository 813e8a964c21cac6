import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Configuration } from '@app/config';
import { Metrics } from '@app/logging';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { CONFIGURATION } from '../infrastructure/tokens.js';

/** Serves `/metrics` to those who can reach the management port, and nothing else. It checks no token: keep the port inside. */
@Injectable()
export class ManagementServer implements OnApplicationShutdown {
  private readonly server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    this.metrics.expose().then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });

  constructor(
    private readonly metrics: Metrics,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'server'>,
  ) {}

  /** @returns the port it listens on */
  async listen(): Promise<number> {
    const { host, managementPort } = this.configuration.server;
    this.server.listen(managementPort, host);
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  onApplicationShutdown(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
