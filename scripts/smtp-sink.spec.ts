import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { createTransport } from 'nodemailer';
import { startSmtpSink, type SmtpSink } from './smtp-sink.js';

let mailDir: string;
let sink: SmtpSink;

beforeEach(async () => {
  mailDir = join(await mkdtemp(join(tmpdir(), 'smtp-sink-')), 'mail');
  sink = await startSmtpSink({ mailDir });
});
afterEach(async () => {
  await sink.close();
  await rm(join(mailDir, '..'), { recursive: true });
});

const send = (subject: string) =>
  createTransport({ host: sink.host, port: sink.port }).sendMail({
    from: 'oscar@contoso.onmicrosoft.com',
    to: 'alice@contoso.onmicrosoft.com',
    subject,
    text: 'Here it is.',
    attachments: [{ filename: 'report.txt', content: 'two lines\r\nof text' }],
  });

it('keeps every mail, with its attachment, as a file of its own', async () => {
  await Promise.all([send('first'), send('second')]);
  const mails = await Promise.all(
    (await readdir(mailDir)).map(async (name) => simpleParser(await readFile(join(mailDir, name)))),
  );
  expect(mails.map(({ subject }) => subject).sort()).toEqual(['first', 'second']);
  expect(mails[0]?.attachments[0]).toMatchObject({
    filename: 'report.txt',
    content: Buffer.from('two lines\r\nof text'),
  });
});

it('tells the sender when it cannot keep a mail', async () => {
  await rm(mailDir, { recursive: true });
  await expect(send('lost')).rejects.toThrow('ENOENT');
});

it('frees its port when closed', async () => {
  const { port } = sink;
  await sink.close();
  sink = await startSmtpSink({ mailDir, port });
  expect(sink.port).toBe(port);
});
