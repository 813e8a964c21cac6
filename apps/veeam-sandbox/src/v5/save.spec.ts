import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxClient, unzip } from '../../spec-support/sandbox-client.js';
import { contoso, fabrikam, people } from '../people.js';

describe('v5 save', () => {
  let client: SandboxClient;
  let session: string;
  beforeAll(async () => {
    client = await SandboxClient.start({ bigOneDrive: { bytes: 32 * 1024 * 1024 } });
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn();
    session = await client.explore(contoso.id);
  });
  afterAll(() => client.close());

  const save = async (name: string) =>
    client.post(`${await client.oneDrive(session, name)}/Action`, '{ "save": null }');

  it('sends the files as a ZIP of known length, without a name', async () => {
    const reply = await save('Alice');
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(reply.bytes.length),
    });
    expect(reply.headers).not.toHaveProperty('content-disposition');
    const entries = await unzip(reply.bytes);
    expect([...entries.keys()].sort()).toEqual([
      'Budget 2026.csv',
      'Documents/Plan.md',
      'Documents/Reports/Überblick – 概要.txt',
      'Pictures/holiday.bin',
      'Welcome.txt',
    ]);
    for (const [path, bytes] of entries) {
      expect(bytes).toEqual(readFileSync(join(client.sandbox.filesDir, people.alice.login, path)));
    }
  });

  it('sends an empty archive of an empty OneDrive', async () => {
    expect(await unzip((await save('Emil Empty')).bytes)).toEqual(new Map());
  });

  it('can do so chunked and compressed', async () => {
    client.sandbox.control.setSaveMode({ contentLength: false });
    const chunked = await save('Alice');
    expect(chunked.headers).not.toHaveProperty('content-length');
    client.sandbox.control.setSaveMode({ contentLength: true, compressed: true });
    const compressed = await save('Alice');
    expect(compressed.headers).not.toHaveProperty('content-length');
    expect(await unzip(compressed.bytes)).toEqual(await unzip(chunked.bytes));
  });

  it('sends a document as it is, or as a ZIP when asked to', async () => {
    const alice = await client.oneDrive(session, 'Alice');
    const [document] = (await client.get(`${alice}/Documents?parentId=null`)).json.results;
    const raw = await client.post(`${alice}/Documents/${document.id}/Action`, { save: { asZip: 'false' } });
    expect(raw.text).toContain('quarter,amount');
    const zipped = await client.post(`${alice}/Documents/${document.id}/Action`, { save: { AsZip: 'True' } });
    expect(await unzip(zipped.bytes)).toEqual(new Map([['Budget 2026.csv', raw.bytes]]));
  });

  it('sends folders under their names, and several documents', async () => {
    const alice = await client.oneDrive(session, 'Alice');
    const folders = (await client.get(`${alice}/Folders`)).json.results as { id: string; name: string }[];
    const reports = folders.find(({ name }) => name === 'Reports');
    const one = await client.post(`${alice}/Folders/${reports?.id ?? ''}/Action`, { save: null });
    expect([...(await unzip(one.bytes)).keys()]).toEqual(['Reports/Überblick – 概要.txt']);
    const documents = (await client.get(`${alice}/Documents?parentId=null`)).json.results;
    const both = await client.post(`${alice}/Documents/Action`, { save: { asZip: 'true', documents } });
    expect((await unzip(both.bytes)).size).toBe(2);
  });

  it('makes up big content, the same each time, and counts its bytes', async () => {
    const first = await save('Vera Vast');
    const entries = await unzip(first.bytes);
    expect([...entries.values()].reduce((sum, { length }) => sum + length, 0)).toBe(32 * 1024 * 1024);
    expect((await save('Vera Vast')).bytes.equals(first.bytes)).toBe(true);
    const [counted] = client.sandbox.control.saves();
    expect(counted).toMatchObject({ state: 'finished', bytesWritten: first.bytes.length });
  });

  it('waits for a slow reader and notices when it leaves', async () => {
    client.sandbox.control.setBigOneDrive({ bytes: 256 * 1024 * 1024 });
    const vera = await client.oneDrive(await client.explore(contoso.id), 'Vera Vast');
    const begun = client.sandbox.control.nextSave();
    const { body } = await client.open(`${vera}/Action`, '{"save":null}');
    const reader = body[Symbol.asyncIterator]();
    await reader.next();
    const inProgress = await begun;
    expect(inProgress.state).toBe('open');
    body.destroy();
    expect(await inProgress.ended).toBe('aborted');
    expect(inProgress.bytesWritten).toBeLessThan(64 * 1024 * 1024);
    expect(client.sandbox.control.actions()).toMatchObject([{ action: 'save', state: 'failed' }]);
  });

  describe('of a plain folder', () => {
    let folder: string;
    let plain: SandboxClient;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'plain-files-'));
      mkdirSync(join(folder, 'inner'));
      mkdirSync(join(folder, 'nothing'));
      mkdirSync(join(folder, people.bob.login));
      writeFileSync(join(folder, 'one.bin'), Buffer.from([0, 1, 2, 255]));
      writeFileSync(join(folder, 'inner', '.hidden ü'), 'two');
      writeFileSync(join(folder, people.bob.login, 'of bob.txt'), 'bob');
      plain = await SandboxClient.start({ filesDir: folder });
      await plain.logIn();
    });
    afterAll(async () => {
      await plain.close();
      rmSync(folder, { recursive: true });
    });

    const entriesOf = async (name: string, organizationId: string) => {
      const oneDrive = await plain.oneDrive(await plain.explore(organizationId), name);
      return unzip((await plain.post(`${oneDrive}/Action`, '{"save":null}')).bytes);
    };

    it.each([
      ['Alice', contoso.id],
      ['Fred', fabrikam.id],
    ])('gives all of it to %s', async (name, organizationId) => {
      expect(await entriesOf(name, organizationId)).toEqual(
        new Map([
          ['inner/.hidden ü', Buffer.from('two')],
          ['nothing/', Buffer.alloc(0)],
          ['one.bin', Buffer.from([0, 1, 2, 255])],
        ]),
      );
    });

    it('gives a person with a folder of their own just that', async () => {
      expect(await entriesOf('Bob', contoso.id)).toEqual(new Map([['of bob.txt', Buffer.from('bob')]]));
    });
  });
});
