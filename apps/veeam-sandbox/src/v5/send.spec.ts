import { MailServer } from '../../spec-support/mail-server.js';
import { SandboxClient, unzip } from '../../spec-support/sandbox-client.js';
import { contoso } from '../people.js';

describe('v5 send', () => {
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
    await client.logIn();
    alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
  });
  afterAll(async () => {
    await client.close();
    await smtp.close();
  });

  const mail = {
    from: 'alice@contoso.onmicrosoft.com',
    to: 'x@contoso.onmicrosoft.com',
    subject: 'Ticket',
    text: 'Here.',
  };
  const send = (members: object) => client.post(`${alice}/Action`, { sendTo: members });
  const enable = (name: string) =>
    client.post(`/v5/${name}`, { EnableNotification: true, smtpServer: '127.0.0.1', port: smtp.port }, 'PUT');

  it('refuses until e-mail is set up', async () => {
    const reply = await send(mail);
    expect([reply.status, reply.json]).toEqual([500, { message: 'Email settings are not configured.' }]);
    expect(client.sandbox.control.actions()).toEqual([]);
  });

  it.each(['VESPEmailSettings', 'veodemailsettings'])('mails the files by %s', async (name) => {
    expect((await enable(name)).status).toBe(200);
    const reply = await send(mail);
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.mails[0]).toMatchObject({ subject: 'Ticket', text: expect.stringContaining('Here.') });
    const [attachment] = smtp.mails[0]?.attachments ?? [];
    expect(attachment?.filename).toBe('Alice.zip');
    expect((await unzip(attachment?.content ?? Buffer.alloc(0))).size).toBe(5);
  });

  it('keeps settings that were left out, and never shows the password', async () => {
    await enable('VEODEmailSettings');
    await client.post('/v5/VEODEmailSettings', { userPassword: 'secret', username: 'u' }, 'PUT');
    const { json } = await client.get('/v5/VEODEmailSettings');
    expect(json).toEqual({
      enableNotification: true,
      smtpServer: '127.0.0.1',
      port: smtp.port,
      from: '',
      useSSL: false,
      useAuthentication: false,
      username: 'u',
    });
  });

  it.each([
    ['nobody', { ...mail, to: undefined }],
    ['two addresses', { ...mail, to: 'a@b.c;d@e.f' }],
  ])('refuses to mail to %s', async (_, members) => {
    await enable('VEODEmailSettings');
    expect((await send(members)).status).toBe(400);
    expect(smtp.mails).toEqual([]);
  });

  it('answers 500 when the mail server is not there', async () => {
    client.sandbox.control.setEmail('veod', { enableNotification: true, smtpServer: '127.0.0.1', port: 1 });
    const reply = await send(mail);
    expect([reply.status, reply.json.message]).toEqual([500, expect.stringContaining('Failed to send email')]);
    expect(client.sandbox.control.actions()).toMatchObject([{ action: 'send', state: 'failed' }]);
  });

  it('sends a test mail', async () => {
    await enable('VEODEmailSettings');
    expect((await client.post('/v5/VEODEmailSettings/SendTestEmail', { email: mail.to })).status).toBe(200);
    expect(smtp.mails).toHaveLength(1);
  });
});
