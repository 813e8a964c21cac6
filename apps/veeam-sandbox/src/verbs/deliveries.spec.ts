import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailServer } from '../../spec-support/mail-server.js';
import { SandboxClient, unzip } from '../../spec-support/sandbox-client.js';
import { contoso, people } from '../people.js';

describe('v8 save and send', () => {
  let client: SandboxClient;
  let alice: string;
  let smtp: MailServer;
  beforeAll(async () => {
    smtp = await MailServer.start();
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    smtp.mails.length = 0;
    client.sandbox.control.reset();
    await client.logIn('v8');
    alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
  });
  afterAll(async () => {
    await client.close();
    await smtp.close();
  });

  const mail = { from: people.alice.login, to: 'x@contoso.onmicrosoft.com', subject: 'Ticket', text: 'Here.' };
  const settings = '/v8/VeodEmailSettings';
  const enable = (name = settings) =>
    client.post(name, { EnableNotification: true, server: '127.0.0.1', port: smtp.port }, 'PUT');
  const save = (path: string, body?: object) =>
    body ? client.post(`${path}/save`, body) : client.send('POST', `${path}/save`);

  it('saves a OneDrive or a folder without a body, as a ZIP', async () => {
    const whole = await save(alice);
    expect([whole.status, whole.headers['content-length']]).toEqual([200, String(whole.bytes.length)]);
    expect(whole.headers).not.toHaveProperty('content-disposition');
    const entries = await unzip(whole.bytes);
    const welcome = readFileSync(join(client.sandbox.filesDir, people.alice.login, 'Welcome.txt'));
    expect(entries.get('Welcome.txt')).toEqual(welcome);
    expect(entries.size).toBe(5);
    const [folder] = (await client.get(`${alice}/Folders?parentId=root`)).json.results;
    expect((await unzip((await save(`${alice}/Folders/${folder.id}`)).bytes)).size).toBe(2);
  });

  it('saves a document as it is or as a ZIP, several as a ZIP, and a past version', async () => {
    const { results } = (await client.get(`${alice}/Documents`)).json;
    const plan = results.find(({ name }: { name: string }) => name === 'Plan.md');
    const path = `${alice}/Documents/${plan.id}`;
    expect((await save(path, {})).text).toContain('Sleep well');
    expect((await unzip((await save(path, { asZip: true })).bytes)).size).toBe(1);
    expect((await save(`${path}/Versions/512`, { asZip: null })).text).toBe('# Plan\n\n1. Hope\n');
    expect((await unzip((await save(`${alice}/Documents`, { documents: [{ id: plan.id }] })).bytes)).size).toBe(1);
    expect((await save(path)).status).toBe(400);
    expect((await save(path, { asZip: 'true' })).status).toBe(400);
  });

  it('cuts, delays and counts downloads like any version', async () => {
    client.sandbox.control.addFault({ match: { action: 'save' }, fault: { kind: 'cut', afterBytes: 1000 } });
    await expect(save(alice)).rejects.toThrow();
    expect(client.sandbox.control.saves()).toMatchObject([{ state: 'cut', bytesWritten: 1000 }]);
  });

  it('mails by the settings of OneDrive only', async () => {
    await enable('/v8/VespEmailSettings');
    expect((await client.post(`${alice}/send`, mail)).status).toBe(500);
    expect((await enable()).status).toBe(204);
    const reply = await client.post(`${alice}/send`, { ...mail, skipItemChecks: true });
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(smtp.mails).toHaveLength(1);
    const [attachment] = smtp.mails[0]?.attachments ?? [];
    expect((await unzip(attachment?.content ?? Buffer.alloc(0))).size).toBe(5);
    expect((await client.post(`${alice}/send`, { ...mail, to: undefined })).status).toBe(400);
  });

  it('keeps settings that were left out, and never shows the password', async () => {
    await enable();
    await client.post(settings, { userPassword: 'secret', username: 'u', port: null }, 'PUT');
    const reply = await client.get(settings);
    expect(reply.json).toMatchObject({ enableNotification: true, server: '127.0.0.1', port: smtp.port, username: 'u' });
    expect(reply.text).not.toContain('secret');
    expect((await client.post(`${settings}/SendTestEmail`, { email: mail.to })).status).toBe(204);
    expect(smtp.mails).toHaveLength(1);
  });
});
