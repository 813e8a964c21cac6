import { emailSettingsCommand } from '../apps/gateway/src/email-settings-command.js';
import { Caller, expectProblem } from './support/caller.js';
import { type CommandAnswer, runCommand } from './support/command.js';
import { readMails } from './support/mailbox.js';
import { openDesk } from './support/desk.js';
import { changedSettings, type YamlSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

/** What `npm run email-settings` does, without the start of a process. */
async function runInProcess(args: readonly string[], environment: Record<string, string> = {}): Promise<CommandAnswer> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const terminal = {
    environment,
    print: (line: string) => stdout.push(`${line}\n`),
    complain: (line: string) => stderr.push(`${line}\n`),
  };
  const code = await emailSettingsCommand(args, terminal);
  return { stdout: stdout.join(''), stderr: stderr.join(''), code };
}

describe('npm run email-settings', () => {
  const wrong = [[], ['show'], ['check', 'twice']];

  it.each(wrong.map((args) => [args]))('explains itself when called with %j', async (args) => {
    const answer = await runInProcess(args);
    expect(answer).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage:') as string });
  });

  it('as a process prints and ends with the same', async () => {
    expect(await runCommand('email-settings', ['check', 'twice'])).toEqual(await runInProcess(['check', 'twice']));
  });
});

describe.each(['v5', 'v8'])('sending e-mail by %s', (version) => {
  let neighbours: Neighbours;
  let gateway: Gateway;
  let oscar: Caller;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: version } });
    oscar = await Caller.named('oscar', { ...neighbours, gateway });
  });
  beforeEach(() => {
    for (const explorer of ['veod', 'vesp'] as const) {
      neighbours.veeam.control.setEmail(explorer, {
        enableNotification: false,
        smtpServer: '',
        useAuthentication: false,
      });
    }
    neighbours.veeam.control.clearReceived();
  });
  afterAll(async () => {
    await gateway.close();
    await neighbours.close();
  });

  const readiness = (caller = oscar) => caller.get('/api/v1/send-readiness');

  async function runHere(args: string[], change: (settings: YamlSettings) => Partial<YamlSettings> = () => ({})) {
    const changed = await changedSettings(neighbours, change);
    const environment = {
      ...neighbours.environment,
      ...changed,
      VEEAM_API_VERSION: version,
      MAIL_PASSWORD: neighbours.mailPassword,
    };
    const answer = await runInProcess(args, environment);
    neighbours.canary.watch('command', () => `${answer.stdout}\n${answer.stderr}`);
    return answer;
  }

  const mailServer = () => ({
    host: neighbours.smtp.host,
    port: neighbours.smtp.port,
    from: 'restore@contoso.onmicrosoft.com',
    tls: false,
  });

  it('is not ready, and the answer and the command say what is missing', async () => {
    const answer = await readiness();
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      ready: false,
      missing: [
        { field: 'onedrive.isEnabled', message: 'Sending e-mail is switched off.' },
        { field: 'onedrive.server', message: 'No mail server is named.' },
      ],
    });
    const checked = await runHere(['check']);
    expect(checked).toEqual({
      code: 1,
      stderr: '',
      stdout:
        'The backup server cannot send mail:\n' +
        '  onedrive.isEnabled: Sending e-mail is switched off.\n' +
        '  onedrive.server: No mail server is named.\n',
    });
  });

  it('is set up by the command, and a mail then arrives', async () => {
    const { code, stdout, stderr } = await runHere(['apply'], () => ({ mailServer: mailServer() }));
    const changed = version === 'v5' ? 'onedrive, sharepoint' : 'onedrive';
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `Changed: ${changed}.\nThe backup server can send mail.\n`,
      stderr: '',
    });
    expect((await readiness()).body).toEqual({ ready: true, missing: [] });
    const { caller, sid, oneDrives } = await openDesk('oscar', { ...neighbours, gateway });
    const mail = { to: 'bob@contoso.onmicrosoft.com', subject: 'Your files', text: 'As asked.' };
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/send`;
    const sent = await caller.post(path, mail, { prefer: 'wait=30' });
    expect(sent).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(await readMails(neighbours.smtp.mailDir)).toMatchObject([{ subject: 'Your files' }]);
  });

  it('takes the password from where the configuration says, which nobody else gets to see', async () => {
    const { code, stdout, stderr } = await runHere(['apply'], () => ({
      mailServer: { ...mailServer(), userName: 'mailer', password: { env: 'MAIL_PASSWORD' } },
    }));
    expect(code).toBe(0);
    expect({ stdout, stderr }).toMatchObject({ stdout: expect.stringMatching(/^Changed: /) as string, stderr: '' });
    const [change] = neighbours.veeam.control.received().filter(({ method }) => method === 'PUT');
    expect(change?.body).toMatchObject({
      useAuthentication: true,
      username: 'mailer',
      userPassword: neighbours.mailPassword,
    });
    expect(JSON.stringify((await readiness()).body)).not.toMatch(/mailer|127\.0\.0\.1/);
  });

  it('cannot be set up without a mail server in the configuration', async () => {
    expect(await runHere(['apply'], () => ({ mailServer: undefined }))).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('names no mailServer') as string,
    });
    expect(neighbours.veeam.control.received().filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  it('says that upstream refuses the login, without a word of it', async () => {
    neighbours.veeam.control.refuseLogin();
    try {
      const { code, stderr } = await runHere(['check']);
      expect(code).toBe(2);
      expect(stderr).toMatch(/log ?in/i);
    } finally {
      neighbours.veeam.control.refuseLogin(false);
    }
  });

  it('is not for people to know, and each look is on record', async () => {
    const alice = await Caller.named('alice', { ...neighbours, gateway });
    expectProblem(await readiness(alice), 'forbidden');
    expect(neighbours.veeam.control.received()).toEqual([]);
    await readiness();
    const looks = (await auditRecords(neighbours)).filter(({ action }) => action === 'readSendReadiness');
    expect(looks.slice(-2).map(({ decision }) => decision)).toEqual(['deny', 'allow']);
  });

  it('is not ready while nobody may be sent anything', async () => {
    const nobody = await startGateway(neighbours, {
      environment: {
        VEEAM_API_VERSION: version,
        ...(await changedSettings(neighbours, () => ({ mail: { senders: [], recipientDomains: [] } }))),
      },
    });
    try {
      await runHere(['apply'], () => ({ mailServer: mailServer() }));
      const { body } = await readiness(await Caller.named('oscar', { ...neighbours, gateway: nobody }));
      expect(body).toMatchObject({ ready: false, missing: [{ field: 'mail.recipientDomains' }] });
    } finally {
      await nobody.close();
    }
  });
});
