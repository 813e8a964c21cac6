import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from './service-process.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-process-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function service(code: string, environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const entry = join(folder, 'main.mjs');
  await writeFile(entry, code);
  return ServiceProcess.start({ name: 'bakery', entry, environment, logFile: join(folder, 'bakery.log') });
}

it('gives the facts of the first JSON line, and logs everything', async () => {
  const bakery = await service(
    `console.log('baking'); console.log('{"url":"http://bread"}'); setInterval(() => {}, 1000)`,
  );
  expect(await bakery.readyFacts()).toEqual({ url: 'http://bread' });
  await bakery.stop();
  expect(await readFile(join(folder, 'bakery.log'), 'utf8')).toContain('baking');
});

it('hands on the environment it is given and nothing else that the shell holds', async () => {
  process.env.DATABASE_URL = 'postgresql://elsewhere';
  const bakery = await service(`console.log(JSON.stringify(process.env)); setInterval(() => {}, 1000)`, { PORT: '1' });
  delete process.env.DATABASE_URL;
  const environment = await bakery.readyFacts<Record<string, string>>();
  expect(environment).toMatchObject({ PORT: '1', PATH: process.env.PATH });
  expect(environment).not.toHaveProperty('DATABASE_URL');
  await bakery.stop();
});

it('tells the last words of a service that ends by itself', async () => {
  const bakery = await service(`console.error('out of flour'); process.exit(3)`);
  await expect(bakery.readyFacts()).rejects.toThrow(/out of flour[^]*The bakery ended with exit code 3/);
  await bakery.stop();
});

it('lets a service finish its work when it is stopped', async () => {
  const bakery = await service(`
    process.on('SIGTERM', () => setTimeout(() => { console.log('last loaf'); process.exit(0); }, 50));
    console.log('{}'); setInterval(() => {}, 1000)`);
  await bakery.readyFacts();
  await bakery.stop();
  expect(await readFile(join(folder, 'bakery.log'), 'utf8')).toContain('last loaf');
});

it('says that it must be built first', () => {
  const start = () =>
    ServiceProcess.start({ name: 'bakery', entry: '/nowhere/main.js', environment: {}, logFile: '/nowhere/log' });
  expect(start).toThrow('the bakery is not built: run npm run build first');
});
