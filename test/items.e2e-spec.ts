import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { digestsBelow, digestsInZip, emptyFolder, sha256 } from './support/files.js';
import { readMails } from './support/mailbox.js';
import { changes } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const alice = 'alice@contoso.onmicrosoft.com';
const wait = { prefer: 'wait=30' };
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

interface Item {
  readonly id: string;
  readonly kind: 'folder' | 'document';
  readonly name: string;
}

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
});
afterAll(() => neighbours.close());

describe.each(dialects)('items on $version', ({ version, heldState, versions: hasVersions }) => {
  let gateway: Gateway;
  let desks: Record<'alice' | 'bob' | 'oscar', Desk>;
  let oneDrive: string;
  /** Alice's, by their paths. */
  let items: ReadonlyMap<string, Item>;

  beforeAll(async () => {
    gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: version } });
    const world = { ...neighbours, gateway };
    desks = {
      alice: await openDesk('alice', world),
      bob: await openDesk('bob', world),
      oscar: await openDesk('oscar', world),
    };
    oneDrive = pathOf('alice', desks.alice.oneDrives.Alice ?? '');
    items = await walk(desks.alice, oneDrive);
  });
  afterAll(() => gateway.close());

  beforeEach(async () => {
    control.clearFaults();
    control.clearReceived();
    await emptyFolder(neighbours.veeam.productionDir);
    await emptyFolder(neighbours.smtp.mailDir);
  });

  const pathOf = (name: keyof typeof desks, oneDriveId: string) =>
    `/api/v1/restore-sessions/${desks[name].sid}/onedrives/${oneDriveId}`;
  const idOf = (path: string) => items.get(path)?.id ?? '';
  const documentAt = (path: string) => `${oneDrive}/documents/${idOf(path)}`;
  const folderAt = (path: string) => `${oneDrive}/folders/${idOf(path)}`;
  const filesDir = () => join(neighbours.veeam.filesDir, alice);
  const produced = (login = alice) => digestsBelow(join(neighbours.veeam.productionDir, login));
  const original = async (path: string) => sha256(await readFile(join(filesDir(), path)));

  /** Everything by its path, from listing after listing. */
  async function walk({ caller }: Desk, at: string, parent?: { id: string; path: string }): Promise<Map<string, Item>> {
    const query = parent ? `?parentId=${parent.id}` : '';
    const { body } = await caller.get(`${at}/items${query}`);
    const found = new Map<string, Item>();
    for (const item of body.items as Item[]) {
      const path = parent ? `${parent.path}/${item.name}` : item.name;
      found.set(path, item);
      if (item.kind === 'folder') {
        for (const [below, inside] of await walk(desks.alice, at, { id: item.id, path })) found.set(below, inside);
      }
    }
    return found;
  }

  describe('browsing', () => {
    it('shows what lies at the root, folders first', async () => {
      const { body } = await desks.alice.caller.get(`${oneDrive}/items`);
      expect(body.items.map(({ name }: Item) => name)).toEqual([
        'Documents',
        'Pictures',
        'Budget 2026.csv',
        'Welcome.txt',
      ]);
      expect(body).not.toHaveProperty('nextCursor');
      const { size } = await readFile(join(filesDir(), 'Welcome.txt')).then(({ length }) => ({ size: length }));
      expect(body.items.at(-1)).toEqual({
        id: idOf('Welcome.txt'),
        kind: 'document',
        name: 'Welcome.txt',
        sizeBytes: size,
        version: expect.any(String) as string,
        ...(hasVersions && { versionId: expect.stringMatching(/^\d+$/) as string }),
        modifiedAt: aTime,
        modifiedBy: 'Alice',
      });
    });

    it('finds the same by walking as is in the backup', async () => {
      const files = Object.keys(await digestsBelow(filesDir())).sort();
      const documents = [...items].filter(([, { kind }]) => kind === 'document').map(([path]) => path);
      expect(documents.sort()).toEqual(files);
    });

    it('pages through folders and documents as through one list', async () => {
      const seen: string[] = [];
      let cursor = '';
      for (let pages = 0; pages < 10; pages++) {
        const { body } = await desks.alice.caller.get(`${oneDrive}/items?limit=1${cursor}`);
        expect(body.items.length).toBeLessThanOrEqual(1);
        seen.push(...(body.items as Item[]).map(({ name }) => name));
        if (body.nextCursor === undefined) break;
        cursor = `&cursor=${body.nextCursor}`;
      }
      expect(seen).toEqual(['Documents', 'Pictures', 'Budget 2026.csv', 'Welcome.txt']);
    });

    it('takes a cursor of another folder for none', async () => {
      const { body } = await desks.alice.caller.get(`${oneDrive}/items?limit=1`);
      const answer = await desks.alice.caller.get(
        `${oneDrive}/items?limit=1&parentId=${idOf('Documents')}&cursor=${body.nextCursor}`,
      );
      expectProblem(answer, 'validation-failed');
    });

    it('shows one folder and one document, with where they lie', async () => {
      const [folder, document] = await Promise.all([
        desks.alice.caller.get(folderAt('Documents/Reports')),
        desks.alice.caller.get(documentAt('Documents/Plan.md')),
      ]);
      expect(folder.body).toMatchObject({ kind: 'folder', name: 'Reports', parentId: idOf('Documents') });
      expect(folder.body).not.toHaveProperty('sizeBytes');
      expect(document.body).toMatchObject({ kind: 'document', name: 'Plan.md', parentId: idOf('Documents') });
    });

    it('tells whose a OneDrive is when it is read singly', async () => {
      const { body } = await desks.oscar.caller.get(pathOf('oscar', desks.oscar.oneDrives.Alice ?? ''));
      expect(body).toEqual({
        id: desks.alice.oneDrives.Alice,
        name: 'Alice',
        owner: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, email: alice, displayName: 'Alice' },
      });
      const leaver = await desks.oscar.caller.get(pathOf('oscar', desks.oscar.oneDrives['Laura Leaver'] ?? ''));
      expect(leaver.body).toEqual({ id: desks.oscar.oneDrives['Laura Leaver'], name: 'Laura Leaver' });
    });

    it('never shows links or ids of upstream sessions', async () => {
      const { body } = await desks.alice.caller.get(`${oneDrive}/items`);
      const text = JSON.stringify(body);
      expect(text).not.toContain('_links');
      expect(text).not.toContain(desks.alice.upstreamSid);
    });
  });

  describe("somebody else's item", () => {
    const places = [
      ['a folder', 'folders/ID', 'GET', undefined],
      ['a document', 'documents/ID', 'GET', undefined],
      ['a folder to look into', 'items?parentId=ID', 'GET', undefined],
      ['a folder to restore', 'folders/ID/restore', 'POST', {}],
      ['a document to save', 'documents/ID/save', 'POST', {}],
      ['one of several documents to restore', 'documents/restore', 'POST', { ids: ['OWN', 'ID'] }],
    ] as const;

    it.each(places)('is not there: %s', async (_, path, method, body) => {
      const kind = /folder|items/.test(path) ? 'Documents' : 'Welcome.txt';
      // Bob may see all that is his, and names an item of alice's below his own OneDrive.
      const bobs = pathOf('bob', desks.bob.oneDrives.Bob ?? '');
      const { body: list } = await desks.bob.caller.get(`${bobs}/items`);
      const own = (list.items as Item[]).find(({ name }) => name === 'Welcome.txt')?.id ?? '';
      const fill = (text: string) => text.replace('ID', idOf(kind)).replace('OWN', own);
      control.clearReceived();
      const answer = await desks.bob.caller.call(method, `${bobs}/${fill(path)}`, body && fill(JSON.stringify(body)));
      expectProblem(answer, 'not-found');
      expect(changes(control)).toEqual([]);
    });

    it('is not there even for a server that finds items by their own id alone', async () => {
      const alices = `/v5/RestoreSessions/1/Organization/OneDrives/${desks.alice.oneDrives.Alice}`;
      const document = {
        id: idOf('Welcome.txt'),
        name: 'Welcome.txt',
        sizeBytes: 1,
        modificationTime: '2026-01-01T00:00:00Z',
        _links: { onedrive: { href: alices } },
      };
      const match = { path: `/documents/${document.id}` };
      control.addFault({ match, fault: { kind: 'answer', status: 200, body: document }, times: 2 });
      const own = `${pathOf('bob', desks.bob.oneDrives.Bob ?? '')}/documents/${document.id}`;
      expectProblem(await desks.bob.caller.get(own), 'not-found');
      // What it answers would do for alice.
      expect((await desks.alice.caller.get(documentAt('Welcome.txt'))).status).toBe(200);
    });
  });

  describe('searching', () => {
    it('finds items of a OneDrive by a part of their names', async () => {
      const { body } = await desks.alice.caller.post(`${oneDrive}/search`, { query: 'plan' });
      expect(body.items).toMatchObject([
        { id: idOf('Documents/Plan.md'), kind: 'document', oneDriveId: desks.alice.oneDrives.Alice },
      ]);
    });

    it('finds folders too', async () => {
      const { body } = await desks.alice.caller.post(`${oneDrive}/search`, { query: 'report' });
      expect(body.items).toMatchObject([{ id: idOf('Documents/Reports'), kind: 'folder' }]);
    });

    it('finds folders and documents side by side, each as what it is', async () => {
      const { body } = await desks.alice.caller.post(`${oneDrive}/search`, { query: 'e' });
      const bearers = [...items.values()].filter(({ name }) => name.toLowerCase().includes('e'));
      expect(new Set(bearers.map(({ kind }) => kind)).size).toBe(2);
      const kinds = (all: readonly Item[]) => Object.fromEntries(all.map(({ id, kind }) => [id, kind]));
      expect(kinds(body.items as Item[])).toEqual(kinds(bearers));
    });

    it("looks through a person's own OneDrives and no others", async () => {
      const path = `/api/v1/restore-sessions/${desks.bob.sid}/onedrives/search`;
      const { body } = await desks.bob.caller.post(path, { query: 'plan' });
      expect(body.items).toMatchObject([{ name: 'Plan.md', oneDriveId: desks.bob.oneDrives.Bob }]);
    });

    it('looks through all OneDrives for an operator, where upstream can', async () => {
      const path = `/api/v1/restore-sessions/${desks.oscar.sid}/onedrives/search`;
      const answer = await desks.oscar.caller.post(path, { query: 'plan' });
      if (!hasVersions) {
        expectProblem(answer, 'not-supported-by-upstream');
        expect(answer.body.detail).toContain(version);
        return;
      }
      const { Alice, Bob } = desks.oscar.oneDrives;
      expect(answer.body.items.map(({ oneDriveId }: { oneDriveId: string }) => oneDriveId)).toEqual([Alice, Bob]);
    });

    it('goes on by a cursor that belongs to the query', async () => {
      const first = await desks.alice.caller.post(`${oneDrive}/search?limit=1`, { query: 'o' });
      const next = `${oneDrive}/search?limit=1&cursor=${first.body.nextCursor}`;
      const second = await desks.alice.caller.post(next, { query: 'o' });
      expect(second.body.items).toHaveLength(1);
      expect(second.body.items).not.toEqual(first.body.items);
      expectProblem(await desks.alice.caller.post(next, { query: 'p' }), 'validation-failed');
    });
  });

  describe('acting', () => {
    it('restores one document, and nothing else', async () => {
      const { status, body } = await desks.alice.caller.post(`${documentAt('Documents/Plan.md')}/restore`, {}, wait);
      expect({ status, state: body.state, item: body.item }).toEqual({
        status: 200,
        state: 'succeeded',
        item: {
          kind: 'document',
          oneDriveId: desks.alice.oneDrives.Alice,
          itemId: idOf('Documents/Plan.md'),
        },
      });
      expect(await produced()).toEqual({ 'Documents/Plan.md': await original('Documents/Plan.md') });
    });

    it('restores one folder with all that is in it', async () => {
      const { body } = await desks.alice.caller.post(`${folderAt('Documents')}/restore`, {}, wait);
      expect(body).toMatchObject({ state: 'succeeded', outcome: { total: 2, restored: 2 }, item: { kind: 'folder' } });
      expect(Object.keys(await produced()).sort()).toEqual([
        'Documents/Plan.md',
        'Documents/Reports/Überblick – 概要.txt',
      ]);
    });

    it('restores several documents in one operation, and tells what became of each', async () => {
      const ids = ['Welcome.txt', 'Documents/Plan.md'].map(idOf);
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 1 } });
      const { body } = await desks.alice.caller.post(`${oneDrive}/documents/restore`, { ids }, wait);
      expect(body).toMatchObject({ state: 'partially-succeeded', item: { kind: 'documents', itemIds: ids } });
      expect(body.outcome).toMatchObject({ total: 2, restored: 1, failed: 1 });
      expect(body.outcome.items).toEqual([
        { itemId: ids[0], state: 'failed' },
        // Restores that answer at their end tell single items only of failures.
        { itemId: ids[1], state: heldState === 'following' ? 'succeeded' : 'unknown' },
      ]);
      expect(control.actions().at(-1)?.items).toEqual(['Welcome.txt', 'Documents/Plan.md']);
    });

    it('restores several folders in one operation', async () => {
      const ids = ['Pictures', 'Documents'].map(idOf);
      const { body } = await desks.alice.caller.post(`${oneDrive}/folders/restore`, { ids }, wait);
      expect(body).toMatchObject({ state: 'succeeded', outcome: { restored: 3 } });
      expect(body.outcome.items.map(({ state }: { state: string }) => state)).toEqual(['succeeded', 'succeeded']);
    });

    it('copies a folder into another OneDrive', async () => {
      const at = `${pathOf('oscar', desks.oscar.oneDrives.Alice ?? '')}/folders/${idOf('Documents')}/copy`;
      const target = { oneDriveId: desks.oscar.oneDrives.Bob };
      const { body } = await desks.oscar.caller.post(at, { target, folder: 'from Alice' }, wait);
      expect(body).toMatchObject({ state: 'succeeded', outcome: { restored: 2 } });
      const [path] = Object.keys(await produced('bob@contoso.onmicrosoft.com'));
      expect(path).toMatch(/^from Alice\/Documents\//);
    });

    it.each(['restorePermissions', 'sendSharedLinksNotification'])(
      'refuses to copy a document with %s, which no version can',
      async (choice) => {
        const at = `${pathOf('oscar', desks.oscar.oneDrives.Alice ?? '')}/documents/${idOf('Welcome.txt')}/copy`;
        const body = { target: { oneDriveId: desks.oscar.oneDrives.Bob }, [choice]: true };
        const answer = await desks.oscar.caller.post(at, body, wait);
        expectProblem(answer, 'not-supported-by-upstream');
        expect(answer.body.detail).toContain(choice);
        expect(changes(control)).toEqual([]);
      },
    );

    it('mails a document', async () => {
      const at = `${pathOf('oscar', desks.oscar.oneDrives.Alice ?? '')}/documents/${idOf('Welcome.txt')}/send`;
      const mail = { to: alice, subject: 'As you asked', text: 'Here it is.' };
      const { body } = await desks.oscar.caller.post(at, mail, wait);
      expect(body.state).toBe('succeeded');
      const [sent] = await readMails(neighbours.smtp.mailDir);
      expect(sent?.attachments.map(({ filename }) => filename)).toEqual(['Welcome.txt']);
    });

    it('answers a repeat of a key for another item with 422', async () => {
      const key = { 'idempotency-key': `items-${version}`, ...wait };
      await desks.alice.caller.post(`${documentAt('Welcome.txt')}/restore`, {}, key);
      const same = await desks.alice.caller.post(`${documentAt('Welcome.txt')}/restore`, {}, key);
      const other = await desks.alice.caller.post(`${documentAt('Documents/Plan.md')}/restore`, {}, key);
      expect(same.status).toBe(200);
      expectProblem(other, 'idempotency-key-reused');
      expect(control.actions().filter(({ action }) => action === 'restore')).toHaveLength(1);
    });
  });

  describe('downloading', () => {
    const download = async (path: string, body: object) => {
      const response = await desks.alice.caller.fetch('POST', path, JSON.stringify(body));
      return {
        status: response.status,
        headers: response.headers,
        bytes: Buffer.from(await response.arrayBuffer()),
      };
    };

    it('gives a document as it is, under its own name', async () => {
      const { status, headers, bytes } = await download(`${documentAt('Documents/Plan.md')}/save`, { asZip: false });
      expect(status).toBe(200);
      expect(headers.get('content-disposition')).toBe(`attachment; filename="Plan.md"; filename*=UTF-8''Plan.md`);
      expect(headers.get('accept-ranges')).toBe('none');
      expect(sha256(bytes)).toBe(await original('Documents/Plan.md'));
      const operation = await desks.alice.caller.operation(operationIdOf(headers));
      expect(operation).toMatchObject({ state: 'succeeded', bytes: bytes.length, sha256: sha256(bytes) });
    });

    it('gives a document as a ZIP', async () => {
      const { headers, bytes } = await download(`${documentAt('Documents/Plan.md')}/save`, {});
      expect(headers.get('content-disposition')).toContain(`"Plan.md-${desks.alice.backupDay}.zip"`);
      expect(Object.values(await digestsInZip(bytes))).toEqual([await original('Documents/Plan.md')]);
    });

    it('gives a folder as a ZIP', async () => {
      const { headers, bytes } = await download(`${folderAt('Documents')}/save`, {});
      expect(headers.get('content-disposition')).toContain(`"Documents-${desks.alice.backupDay}.zip"`);
      expect(Object.keys(await digestsInZip(bytes))).toHaveLength(2);
    });

    it.each(['documents', 'folders'])('gives several %s as one ZIP', async (kind) => {
      const ids = (kind === 'documents' ? ['Welcome.txt', 'Documents/Plan.md'] : ['Documents', 'Pictures']).map(idOf);
      const { headers, bytes } = await download(`${oneDrive}/${kind}/save`, { ids });
      expect(headers.get('content-disposition')).toContain('2 items from Alice');
      expect(Object.keys(await digestsInZip(bytes))).toHaveLength(kind === 'documents' ? 2 : 3);
    });
  });

  describe('earlier versions', () => {
    const versionsOf = async () => desks.alice.caller.get(`${documentAt('Documents/Plan.md')}/versions`);

    if (!hasVersions) {
      it.each([
        ['to list', 'GET', ''],
        ['to read', 'GET', '/512'],
        ['to restore', 'POST', '/512/restore'],
        ['to save', 'POST', '/512/save'],
      ])('cannot be had: %s', async (_, method, path) => {
        const at = `${documentAt('Documents/Plan.md')}/versions${path}`;
        const answer = await desks.alice.caller.call(method, at, method === 'POST' ? '{}' : undefined);
        expectProblem(answer, 'not-supported-by-upstream');
        expect(changes(control)).toEqual([]);
      });
      return;
    }

    it('are listed, and read singly', async () => {
      const { body } = await versionsOf();
      expect(body.items.map(({ version: label }: { version: string }) => label)).toEqual(['2.0', '1.0']);
      const [newest] = body.items as { versionId: string }[];
      const single = await desks.alice.caller.get(`${documentAt('Documents/Plan.md')}/versions/${newest?.versionId}`);
      expect(single.body).toMatchObject({ version: '2.0', versionId: newest?.versionId });
    });

    it('are restored and downloaded as they were', async () => {
      const { body } = await versionsOf();
      const oldest = `${documentAt('Documents/Plan.md')}/versions/${body.items.at(-1).versionId}`;
      const saved = await desks.alice.caller.fetch('POST', `${oldest}/save`, '{"asZip":false}');
      expect(await saved.text()).toBe('# Plan\n\n1. Hope\n');
      const restored = await desks.alice.caller.post(`${oldest}/restore`, { documentAction: 'overwrite' }, wait);
      expect(restored.body).toMatchObject({ state: 'succeeded', item: { versionId: body.items.at(-1).versionId } });
      expect(await produced()).toEqual({ 'Documents/Plan.md': sha256(Buffer.from('# Plan\n\n1. Hope\n')) });
    });

    it('that are not there are not found', async () => {
      expectProblem(await desks.alice.caller.get(`${documentAt('Documents/Plan.md')}/versions/7`), 'not-found');
    });
  });
});
