import { Scrubber, Secret } from '@app/secrets';
import { AxiosError, AxiosHeaders } from 'axios';
import { createLogger } from './logger.js';
import { NestLogger } from './nest-logger.js';
import { runInRequestContext } from './request-context.js';

describe('createLogger', () => {
  const scrubber = new Scrubber();
  scrubber.register(new Secret('n-secret-of-upstream'));
  scrubber.register(new Secret('","level":"'));
  const lines: string[] = [];
  const logger = createLogger({ level: 'trace', scrubber, destination: { write: (line) => void lines.push(line) } });

  beforeEach(() => {
    lines.length = 0;
  });

  function onlyLine(): Record<string, unknown> {
    expect(lines).toHaveLength(1);
    return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  }

  it('writes level, time, fields and message', () => {
    logger.info({ port: 3000 }, 'listening');
    expect(onlyLine()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      port: 3000,
      msg: 'listening',
    });
  });

  it('keeps to its level', () => {
    const quiet = createLogger({ level: 'warn', scrubber, destination: { write: (line) => void lines.push(line) } });
    quiet.info('unheard');
    quiet.warn('heard');
    expect(onlyLine()).toMatchObject({ level: 'warn', msg: 'heard' });
  });

  it('says which request a line belongs to', () => {
    const context = { requestId: 'r-1', traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), callerTraceId: undefined };
    runInRequestContext(context, () => {
      logger.info('within');
    });
    expect(onlyLine()).toMatchObject({ requestId: 'r-1', traceId: 'a'.repeat(32) });
  });

  it('redacts secrets in messages, fields and keys', () => {
    const secret = 'n-secret-of-upstream';
    logger.warn({ echo: `x${secret}`, [secret]: 1, base64: Buffer.from(`u:${secret}`).toString('base64') }, secret);
    expect(lines[0]).not.toContain('secret-of');
    expect(onlyLine()).toMatchObject({ echo: 'x[redacted]', '[redacted]': 1, msg: '[redacted]' });
  });

  it('writes no value of a secret that is passed itself, however deep, and nobody had told it of', () => {
    const secret = new Secret('nobody told of it');
    logger.info({ secret, login: { users: [{ password: secret }] } }, 'got %s and %o', secret, { secret });
    expect(lines[0]).not.toContain('nobody told');
    expect(onlyLine()).toMatchObject({ secret: '[redacted]', login: { users: [{ password: '[redacted]' }] } });
  });

  it('gives a line up when redacting would break its JSON', () => {
    logger.error({ text: '\n-secret-of-upstream' }, 'kept');
    expect(onlyLine()).toMatchObject({ level: 'error', msg: 'a line that held a secret was dropped' });
  });

  it('writes name, code, message, stack and causes of an error, and nothing else of it', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', address: '10.0.0.1' });
    logger.error({ err: new TypeError('login failed', { cause }) }, 'upstream');
    expect(onlyLine().err).toEqual({
      name: 'TypeError',
      message: 'login failed',
      stack: expect.stringContaining('logger.spec'),
      cause: {
        name: 'Error',
        code: 'ECONNREFUSED',
        message: 'connect ECONNREFUSED',
        stack: expect.any(String) as string,
      },
    });
  });

  it.each([
    ['as the error', (error: Error) => ({ err: error })],
    ['as any field', (error: Error) => ({ reason: error })],
    ['as a cause', (error: Error) => ({ err: new Error('outer', { cause: error }) })],
    ['deep in a field', (error: Error) => ({ results: [{ error }] })],
    ['as the line', (error: Error) => error],
  ])('lets nothing of an AxiosError through when given %s', (_, fields) => {
    const config = {
      url: 'https://backup/private',
      headers: new AxiosHeaders({ 'X-Key': 'private' }),
      data: 'private',
    };
    logger.error(fields(new AxiosError('Request failed', 'ERR_BAD_REQUEST', config)));
    expect(lines[0]).toContain('ERR_BAD_REQUEST');
    expect(lines[0]).not.toContain('private');
  });

  it('bounds what an error can make it write', () => {
    const looping = new Error('x'.repeat(100_000));
    looping.cause = looping;
    logger.error({ err: looping }, 'loop');
    expect(lines[0]?.length).toBeLessThan(60_000);
  });

  it('redacts before it cuts', () => {
    logger.error({ err: new Error(`${'x'.repeat(1_990)}n-secret-of-upstream`) }, 'cut');
    expect(lines[0]).not.toContain('n-secret');
  });

  it('writes the chosen fields of a cause that is a plain object', () => {
    const cause = { name: 'UpstreamAnswer', message: 'was answered with 500', status: 500, code: 'X', body: 'hidden' };
    logger.error({ err: new Error('failed', { cause }) }, 'failed');
    expect(lines[0]).not.toContain('hidden');
    expect(onlyLine().err).toMatchObject({
      cause: { name: 'UpstreamAnswer', message: 'was answered with 500', status: 500, code: 'X' },
    });
  });

  it('writes causes that are no errors as text', () => {
    logger.error({ err: new Error('outer', { cause: 'a word' }) }, 'x');
    expect(onlyLine().err).toMatchObject({ cause: { name: 'string', message: 'a word' } });
  });

  describe('behind NestLogger', () => {
    const nest = new NestLogger(logger);

    it('writes the lines of Nest with the class they come from', () => {
      nest.log('Nest application successfully started', 'NestApplication');
      expect(onlyLine()).toMatchObject({
        level: 'info',
        context: 'NestApplication',
        msg: 'Nest application successfully started',
      });
    });

    it('tells the stack of an error from the class', () => {
      const { stack } = new Error('broken');
      nest.error('broken', stack, 'ExceptionsHandler');
      expect(onlyLine()).toMatchObject({ level: 'error', context: 'ExceptionsHandler', stack, msg: 'broken' });
    });

    it('takes errors and objects as messages', () => {
      nest.error(new TypeError('broken'));
      nest.warn({ port: 1 }, 'Somebody');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { level: 'error', err: { name: 'TypeError', message: 'broken' }, msg: 'broken' },
        { level: 'warn', details: { port: 1 }, context: 'Somebody' },
      ]);
    });

    it('maps the levels of Nest', () => {
      nest.debug('d');
      nest.verbose('v');
      nest.fatal('f');
      expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['debug', 'trace', 'fatal']);
    });
  });
});
