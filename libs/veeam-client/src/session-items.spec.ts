import { NotSupportedByUpstreamError, SessionStoppedError, UpstreamBrokenError } from '@app/problems';
import { Secret } from '@app/secrets';
import type { ItemRef } from './model.js';
import {
  clientOf,
  failureOf,
  ONEDRIVE_ID,
  ONEDRIVE_PATH,
  SESSION_ID,
  SESSION_PATH,
  wireSession,
} from './testing/client-of.js';
import { makeCertificate, ok, ScriptedUpstream, status } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const FOLDER_ID = '0f1e2d3c-0000-4000-8000-00000000f001';
const DOCUMENT_ID = '0f1e2d3c-0000-4000-8000-00000000d001';
const page = { offset: 0, limit: 100 };
const document: ItemRef = { kind: 'document', oneDriveId: ONEDRIVE_ID, itemId: DOCUMENT_ID };
const facts = {
  id: DOCUMENT_ID,
  name: 'Plan.md',
  createdBy: 'Alice',
  creationTime: '2026-01-01T09:12:59',
  modifiedBy: 'Alice',
  modificationTime: '2026-01-02T09:12:59',
};
const oneDriveLink = `https://backup:4443${ONEDRIVE_PATH.toLowerCase()}`;
const v5Document = {
  ...facts,
  sizeBytes: 5_000_000_000,
  version: '3.0',
  _links: {
    self: { href: `${oneDriveLink}/documents/${DOCUMENT_ID}` },
    onedrive: { href: oneDriveLink },
    parent: { href: `${oneDriveLink}/folders/${FOLDER_ID}` },
  },
};
const read = {
  id: DOCUMENT_ID,
  kind: 'document',
  oneDriveId: ONEDRIVE_ID,
  parentId: FOLDER_ID,
  name: 'Plan.md',
  sizeBytes: 5_000_000_000,
  version: '3.0',
  versionId: undefined,
  modifiedAt: '2026-01-02T09:12:59.000Z',
  modifiedBy: 'Alice',
};
const asV8 = (path: string) => path.replace('/v5/', '/v8/');

let upstream: ScriptedUpstream;
let v5: VeeamClient;
let v8: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  v5 = clientOf(upstream);
  v8 = clientOf(upstream, { apiVersion: 'v8' });
});

afterEach(async () => {
  await Promise.all([v5.close(), v8.close()]);
  await upstream.close();
});

describe('a listing', () => {
  it('begins at the root when no folder is named', async () => {
    upstream.on(`GET ${ONEDRIVE_PATH}/Documents`, ok({ results: [v5Document] }));
    const listed = { oneDriveId: ONEDRIVE_ID, kind: 'document' } as const;
    expect(await v5.items.list(SESSION_ID, listed, page)).toEqual({ items: [read], nextOffset: undefined });
  });

  it.each([
    ['v5', 'null'],
    ['v6', 'null'],
    ['v7', 'root'],
    ['v8', 'root'],
  ] as const)('calls the root as %s does, %s', async (apiVersion, word) => {
    const client = clientOf(upstream, { apiVersion });
    try {
      for (const [kind, items] of [
        ['document', 'Documents'],
        ['folder', 'Folders'],
      ] as const) {
        const path = `${ONEDRIVE_PATH.replace('v5', apiVersion)}/${items}`;
        upstream.on(`GET ${path}`, ok({ results: [] }));
        await client.items.list(SESSION_ID, { oneDriveId: ONEDRIVE_ID, kind }, page);
        const [request] = upstream.requests(`GET ${path}`);
        expect(new URL(request?.url ?? '', upstream.url).searchParams.get('parentId')).toBe(word);
      }
    } finally {
      await client.close();
    }
  });

  it('of a folder names it', async () => {
    upstream.on(`GET ${ONEDRIVE_PATH}/Folders`, ok({ results: [{ ...facts, id: FOLDER_ID }] }));
    const listed = { oneDriveId: ONEDRIVE_ID, kind: 'folder', parentId: FOLDER_ID } as const;
    const { items } = await v5.items.list(SESSION_ID, listed, page);
    expect(items).toMatchObject([{ id: FOLDER_ID, kind: 'folder', sizeBytes: undefined }]);
    expect(upstream.received.at(-1)?.url).toBe(`${ONEDRIVE_PATH}/Folders?parentId=${FOLDER_ID}&offset=0&limit=100`);
  });

  it('of documents leaves out the folders that newer versions mix in, and goes on behind them', async () => {
    const folder = { ...facts, id: FOLDER_ID, isFolder: true };
    upstream.on(
      `GET ${asV8(ONEDRIVE_PATH)}/Documents`,
      ok({ results: [folder, { ...v5Document, isFolder: false }], _links: { next: { href: '/' } } }),
    );
    const listed = { oneDriveId: ONEDRIVE_ID, kind: 'document' } as const;
    expect(await v8.items.list(SESSION_ID, listed, { offset: 10, limit: 2 })).toEqual({
      items: [read],
      nextOffset: 12,
    });
  });
});

describe('a single item', () => {
  const at = `GET ${ONEDRIVE_PATH}/Documents/${DOCUMENT_ID}`;

  it('is found in its OneDrive, whatever the case of a link', async () => {
    upstream.on(at, ok(v5Document));
    expect(await v5.items.find(SESSION_ID, document)).toEqual(read);
  });

  it.each([
    ['a link to another OneDrive', { _links: { onedrive: { href: oneDriveLink.replace('724011c3', '00000000') } } }],
    ['a member that names another OneDrive', { oneDriveId: ONEDRIVE_ID.replace('724011c3', '00000000') }],
    ['another id', { id: FOLDER_ID }],
    ['its id in another case', { id: DOCUMENT_ID.toUpperCase() }],
  ])('is not there when upstream answers with %s', async (_, members) => {
    upstream.on(at, ok({ ...v5Document, ...members }));
    expect(await v5.items.find(SESSION_ID, document)).toBeUndefined();
  });

  it('is not shown when nothing tells which OneDrive it lies in', async () => {
    upstream.on(at, ok({ ...v5Document, _links: null }));
    expect(await failureOf(v5.items.find(SESSION_ID, document))).toBeInstanceOf(UpstreamBrokenError);
  });

  it.each([400, 404])('that a running session does not have, by %i, is undefined', async (code) => {
    upstream.on(at, status(code));
    upstream.on(`GET ${SESSION_PATH}`, ok(wireSession()));
    expect(await v5.items.find(SESSION_ID, document)).toBeUndefined();
  });

  it('of a session that is gone tells that', async () => {
    upstream.on(at, status(500));
    upstream.on(`GET ${SESSION_PATH}`, ok(wireSession('Stopped')));
    expect(await failureOf(v5.items.find(SESSION_ID, document))).toBeInstanceOf(SessionStoppedError);
  });
});

describe('earlier versions', () => {
  const versions = `${asV8(ONEDRIVE_PATH)}/Documents/${DOCUMENT_ID}/Versions`;
  const earlier = { ...v5Document, oneDriveId: ONEDRIVE_ID, version: '2.0', versionId: 1024 };

  it('are listed and found', async () => {
    upstream.on(`GET ${versions}`, ok({ results: [earlier] }));
    upstream.on(`GET ${versions}/1024`, ok(earlier));
    const { items } = await v8.items.listVersions(SESSION_ID, document, page);
    expect(items).toEqual([{ ...read, version: '2.0', versionId: '1024' }]);
    expect(await v8.items.find(SESSION_ID, { ...document, versionId: '1024' })).toEqual(items[0]);
  });

  it('are not taken for one another', async () => {
    upstream.on(`GET ${versions}/512`, ok(earlier));
    expect(await v8.items.find(SESSION_ID, { ...document, versionId: '512' })).toBeUndefined();
  });

  it('are not asked of v5', async () => {
    const version = { ...document, versionId: '512' };
    const options = { documentVersion: 'last', documentAction: 'keep' } as const;
    const credentials = { kind: 'user', userName: 'admin', password: new Secret('password') } as const;
    const asked = [
      v5.items.listVersions(SESSION_ID, document, page),
      v5.items.find(SESSION_ID, version),
      v5.demandAction({ action: 'save', item: version }),
      v5.restore(SESSION_ID, version, options, credentials),
    ];
    for (const one of asked) expect((await failureOf(one)).code).toBe('not-supported-by-upstream');
    expect(upstream.received.filter(({ url }) => url.includes('OneDrives'))).toEqual([]);
  });
});

describe('a search', () => {
  it('goes into a body, by the words of the version', async () => {
    upstream.on(`POST ${ONEDRIVE_PATH}/Action`, ok({ results: [{ ...facts, id: FOLDER_ID }, v5Document] }));
    upstream.on(`POST ${asV8(ONEDRIVE_PATH)}/search`, ok({ results: [{ ...v5Document, isFolder: false }] }));
    const found = await v5.items.search(SESSION_ID, ONEDRIVE_ID, 'plan', page);
    expect(found.items.map(({ kind }) => kind)).toEqual(['folder', 'document']);
    await v8.items.search(SESSION_ID, ONEDRIVE_ID, 'plan', page);
    const bodies = upstream.received.filter(({ method, url }) => method === 'POST' && url.includes('OneDrives'));
    expect(bodies.map(({ url, body }) => [url.split('?')[1], JSON.parse(body) as unknown])).toEqual([
      ['offset=0&limit=100', { search: { query: 'plan' } }],
      ['itemType=All&offset=0&limit=100', { query: 'plan' }],
    ]);
  });

  it.each([
    ['v5', `POST ${ONEDRIVE_PATH}/Action`],
    ['v6', `POST ${ONEDRIVE_PATH.replace('/v5/', '/v6/')}/search`],
  ] as const)('tells folders from documents in any order where %s does not say it', async (apiVersion, route) => {
    const folder = { ...facts, id: FOLDER_ID };
    upstream.on(route, ok({ results: [v5Document, folder, folder, v5Document] }));
    const client = clientOf(upstream, { apiVersion });
    const { items } = await client.items.search(SESSION_ID, ONEDRIVE_ID, 'plan', page);
    expect(items.map(({ kind }) => kind)).toEqual(['document', 'folder', 'folder', 'document']);
    await client.close();
  });

  it('of all OneDrives is not asked of v5', async () => {
    expect(await failureOf(v5.items.searchAll(SESSION_ID, 'plan', page))).toBeInstanceOf(NotSupportedByUpstreamError);
  });
});
