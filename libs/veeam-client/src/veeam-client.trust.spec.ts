import { UpstreamUnavailableError } from '@app/problems';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UpstreamTrust } from '@app/config';
import { ActionNotSentError } from './errors.js';
import { clientOf, failureOf, ITEM, SESSION_ID } from './testing/client-of.js';
import { makeCertificate, ok, ScriptedUpstream } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const other = makeCertificate();
const folder = mkdtempSync(join(tmpdir(), 'veeam-client-'));
const caFile = join(folder, 'ca.pem');
const otherCaFile = join(folder, 'other.pem');

let upstream: ScriptedUpstream;
let client: VeeamClient | undefined;

beforeAll(() => {
  writeFileSync(caFile, certificate.pem);
  writeFileSync(otherCaFile, other.pem);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  upstream.on('GET /v5/Organizations', ok([]));
});

afterEach(async () => {
  await client?.close();
  await upstream.close();
});

it.each<[string, UpstreamTrust]>([
  ['its CA file', { kind: 'ca', caFile }],
  ['its fingerprint', { kind: 'fingerprint', sha256: certificate.fingerprint }],
  ['the check switched off', { kind: 'dangerously-skip' }],
])('a server is talked to by %s', async (_, trust) => {
  client = clientOf(upstream, { trust });
  expect(await client.checkHealth()).toMatchObject({ apiVersion: 'v5' });
});

describe.each<[string, UpstreamTrust]>([
  ['an unknown certificate', { kind: 'system' }],
  ['a certificate of another CA', { kind: 'ca', caFile: otherCaFile }],
  ['another fingerprint', { kind: 'fingerprint', sha256: other.fingerprint }],
])('a server with %s', (_, trust) => {
  it('is refused, and gets not a byte of a request', async () => {
    client = clientOf(upstream, { trust });
    const error = await failureOf(client.listOrganizations());
    expect(error).toBeInstanceOf(UpstreamUnavailableError);
    expect(error.message).toBe('The certificate of the backup server is not trusted.');
    expect(upstream.connections).toBe(1);
    expect(upstream.received).toEqual([]);
  });

  it('gets no action and no download either', async () => {
    client = clientOf(upstream, { trust });
    const mail = { from: 'a@contoso.com', to: 'b@contoso.com', subject: 's', text: 't' };
    expect(await failureOf(client.send(SESSION_ID, ITEM, mail))).toBeInstanceOf(ActionNotSentError);
    const save = client.save(SESSION_ID, ITEM, { asZip: true }, new AbortController().signal);
    expect(await failureOf(save)).toBeInstanceOf(ActionNotSentError);
    expect(upstream.received).toEqual([]);
  });
});

it('a certificate that is swapped after the login stops actions and downloads before anything is sent', async () => {
  client = clientOf(upstream);
  await client.listOrganizations();
  const { port } = new URL(upstream.url);
  await upstream.close();
  upstream = await ScriptedUpstream.start(other, Number(port));
  const mail = { from: 'a@contoso.com', to: 'b@contoso.com', subject: 's', text: 't' };
  expect(await failureOf(client.send(SESSION_ID, ITEM, mail))).toBeInstanceOf(ActionNotSentError);
  const save = client.save(SESSION_ID, ITEM, { asZip: true }, new AbortController().signal);
  expect(await failureOf(save)).toBeInstanceOf(ActionNotSentError);
  expect(upstream.connections).toBe(2);
  expect(upstream.received).toEqual([]);
});

it('a CA file that cannot be read is no reason to trust anybody', async () => {
  client = clientOf(upstream, { trust: { kind: 'ca', caFile: join(folder, 'gone.pem') } });
  expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamUnavailableError);
  expect(upstream.connections).toBe(0);
});
