import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { type Clock, SystemClock } from '@app/clock';
import { type Configuration, reloadConfiguration } from '@app/config';
import { AccessTokenAuthenticator, authenticateRequests, challenge, isExempt, principalOf } from '@app/identity';
import {
  askedServersOf,
  createLogger,
  currentRequestContext,
  type Logger,
  logRequests,
  Metrics,
  NestLogger,
  requestContextOf,
} from '@app/logging';
import { ProblemDetailsFilter } from '@app/problems';
import { Scrubber } from '@app/secrets';
import { upstreamMessageOf } from '@app/veeam-client';
import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

import { AppModule } from './app.module.js';
import { answerRouterError, fromFastifyError } from './http/fastify-errors.js';
import { acceptStrictJson, bodyLimitBytes } from './http/json-body.js';
import { createValidationPipe } from './http/validation.js';
import { DOCS_ROUTES, serveDocs } from './http/openapi.js';
import type { Surroundings } from './infrastructure/infrastructure.js';
import { CLOCK } from './infrastructure/tokens.js';
import { canonicalizeV5Path } from './v5-compatibility/v5-paths.js';

/** Ids of upstream are longer than Fastify lets parameters be, and each character may come percent-encoded. */
const LONGEST_PARAMETER = 1_024;

/** Time a caller has to send a whole request: nobody may hold a connection with a body that trickles in. */
const REQUEST_TIMEOUT_MS = 60_000;

/** The gateway, ready to listen: the same for `main.ts` and for every test. */
export async function createApp(
  configuration: Configuration,
  {
    clock = new SystemClock(),
    logger = loggerOf(configuration),
    reload = reloadConfiguration,
  }: Partial<Surroundings> = {},
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    // The id that the log and X-Request-Id have: `logRequests` sees a request before Fastify does.
    genReqId: (raw: IncomingMessage) => requestContextOf({ raw })?.requestId ?? randomUUID(),
    rewriteUrl: (request: IncomingMessage) => canonicalizeV5Path(request.url ?? '/'),
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    trustProxy: [...configuration.server.trustProxy],
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    frameworkErrors: answerRouterError,
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forConfiguration(configuration, { clock, logger, reload }),
    adapter,
    { bodyParser: false, logger: new NestLogger(logger), abortOnError: false },
  );
  await configureApp(app, configuration, logger);
  return app;
}

async function configureApp(app: NestFastifyApplication, configuration: Configuration, logger: Logger): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  // Hooks run in this order, and a refused token ends the row: what every answer carries comes before.
  logRequests(fastify, logger, app.get(Metrics), app.get<Clock>(CLOCK));
  keepAnswersOutOfCaches(fastify);
  await app.register(helmet, { contentSecurityPolicy });
  authenticateRequests(fastify, app.get(AccessTokenAuthenticator), (pattern) =>
    DOCS_ROUTES.some((route) => pattern.startsWith(route)),
  );
  nameCallerInLogs(fastify);
  acceptStrictJson(fastify);
  app.useGlobalPipes(createValidationPipe());
  app.useGlobalFilters(
    new ProblemDetailsFilter({
      translate: (error) => fromFastifyError(error) ?? error,
      headersOf: (error) => challenge(error, configuration.server.publicUrl),
      onProblem: (problem, error) => {
        if (problem.status >= 500) {
          const level = problem.code === 'internal-error' ? 'error' : 'warn';
          const upstreamMessage = upstreamMessageOf(error);
          const backupServer = askedServersOf(currentRequestContext());
          logger[level](
            { err: error, upstreamMessage, backupServer, code: problem.code, requestId: problem.requestId },
            problem.title,
          );
        }
      },
    }),
  );
  serveDocs(app, configuration.server.docsEnabled);
  app.enableShutdownHooks();
}

function nameCallerInLogs(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const context = requestContextOf(request);
    if (context !== undefined && !isExempt(request)) {
      const { issuer, subject, clientId } = principalOf(request);
      context.caller = { issuer, subject, clientId };
    }
    done();
  });
}

function keepAnswersOutOfCaches(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (_request, reply, done) => {
    void reply.header('cache-control', 'no-store');
    done();
  });
}

/** Answers are JSON or downloads; the only page there is is the documentation, whose style sheets are inline. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/** A logger that knows every secret of the configuration, so that none gets into a line. */
export function loggerOf({ logLevel, secrets }: Pick<Configuration, 'logLevel' | 'secrets'>): Logger {
  const scrubber = new Scrubber();
  secrets.forEach((source) => {
    scrubber.follow(source);
  });
  return createLogger({ level: logLevel, scrubber });
}
