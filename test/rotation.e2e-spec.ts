import { AuditWriter } from '@app/audit';
import { ManualClock } from '@app/clock';
import { Metrics } from '@app/logging';
import { randomBytes, X509Certificate } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

import { Caller, operationIdOf } from './support/caller.js';
import type { Sink } from './support/canary.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { openDesk } from './support/desk.js';
import { makePfx, type Pfx } from './support/pfx.js';
import { type MountChange, SecretMount } from './support/secret-mount.js';
import { changedSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const IN_USE = 'a changed credential is in use';
const NOT_USED = 'a changed credential is not used; the one before goes on';
const contosoRestorer = 'credential profile contoso';
const fabrikamCertificate = 'credential profile fabrikam';
const upstreamLogin = 'login of backup server default';
/** Between two requests of the load, which must leave some of the machine to the rest. */
const PACE_MS = 20;

/** Where what a file holds may be seen. */
function placesOf(name: string): readonly Sink[] {
  if (name === 'database-url') return [];
  return name === 'veeam.password' ? ['upstream-login'] : ['upstream-action'];
}

/** SHA-1, as Entra ID shows it. @param certificate PEM */
const thumbprintOf = (certificate: string) => new X509Certificate(certificate).fingerprint.replaceAll(':', '');

/** Unlike any other text there is. */
const distinct = (what: string) => `${what} ${randomBytes(9).toString('base64url')}`;

describe('secrets that change while the gateway runs', () => {
  let neighbours: Neighbours;
  let mount: SecretMount;
  let clock: ManualClock;
  let gateway: Gateway;
  let proxy: DatabaseProxy;
  /** How far the clock is moved at a time, ms. */
  let step: number;

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  afterAll(() => neighbours.close());
  beforeEach(async () => {
    const { veeam, database } = neighbours;
    const first = await makePfx(distinct('first'));
    veeam.control.acceptCertificate(veeam.applicationId, first.certificate);
    proxy = await DatabaseProxy.start(database.url);
    const files = {
      'fabrikam.pfx': first.file,
      'fabrikam.pfx.password': first.password,
      'contoso.password': veeam.restorePassword,
      'veeam.password': veeam.password,
      'database-url': proxy.url,
    };
    mount = await SecretMount.with(files, { canary: neighbours.canary, belongsIn: placesOf });
    const settings = await changedSettings(neighbours, ({ credentialProfiles = [] }) => ({
      credentialProfiles: credentialProfiles.map((profile) =>
        profile.kind === 'user'
          ? { ...profile, password: { file: mount.path('contoso.password') } }
          : {
              ...profile,
              certificate: { file: mount.path('fabrikam.pfx') },
              certificatePassword: { file: mount.path('fabrikam.pfx.password') },
            },
      ),
    }));
    clock = new ManualClock(Date.now());
    step = 1_000;
    gateway = await startGateway(neighbours, {
      clock,
      environment: {
        ...settings,
        VEEAM_PASSWORD_FILE: mount.path('veeam.password'),
        DATABASE_URL_FILE: mount.path('database-url'),
      },
    });
  });
  afterEach(async () => {
    await gateway.close();
    neighbours.veeam.control.reset();
    await proxy.close();
    await mount.remove();
  });

  const moving = {
    get clock() {
      return clock;
    },
    get by() {
      return step;
    },
  };
  const logged = (message: string, credential: string) =>
    gateway.log().filter((line) => line.includes(`"${message}"`) && line.includes(`"credential":"${credential}"`));
  /** Moves the clock on until the log has said it once more. */
  async function untilLogged(message: string, credential: string, before: number): Promise<void> {
    await until(() => logged(message, credential).length > before, moving);
  }
  async function change(how: MountChange, credential: string, files: Record<string, string | Buffer>): Promise<void> {
    const before = logged(IN_USE, credential).length;
    await mount.change(how, files);
    await untilLogged(IN_USE, credential, before);
  }
  async function changeInVain(credential: string, files: Record<string, string | Buffer>): Promise<string> {
    const before = logged(NOT_USED, credential).length;
    await mount.change('plain write', files);
    await untilLogged(NOT_USED, credential, before);
    return logged(NOT_USED, credential).at(-1) ?? '';
  }
  const reloadsOnRecord = async () => {
    const { writer } = gateway.app.get(AuditWriter).head();
    const records = await auditRecords(neighbours);
    return records.filter((record) => record.action === 'credential.reloaded' && record.writer === writer);
  };
  const health = async () => (await new Caller(gateway.url, undefined).get('/health/ready')).body;
  const callerNamed = (name: string) => Caller.named(name, { ...neighbours, gateway });

  /** Fred restores his OneDrive with the certificate of fabrikam; what upstream was given. */
  async function certificateUsed(): Promise<{ file: string; password: string }> {
    const fred = await openDesk('fred', { ...neighbours, gateway }, 'fabrikam.onmicrosoft.com');
    const path = `/api/v1/restore-sessions/${fred.sid}/onedrives/${fred.oneDrives.Fred}/restore`;
    const { headers } = await fred.caller.post(path, {});
    expect(await fred.caller.endOf(operationIdOf(headers))).toMatchObject({ state: 'succeeded' });
    const used = neighbours.veeam.control.actions().at(-1)?.credentials;
    if (used?.kind !== 'application') throw new Error('no certificate was used');
    return { file: used.applicationCertificate, password: used.applicationCertificatePassword };
  }
  const asUsed = ({ file, password }: Pfx) => ({ file: file.toString('base64'), password });
  const lastLogin = () => {
    const logins = neighbours.veeam.control
      .received()
      .filter(({ route, body }) => route === 'token' && JSON.stringify(body).includes('"password"'));
    return logins.at(-1)?.body as Record<string, string> | undefined;
  };

  it('five times under load: no request fails, new values are used, and a broken one never', async () => {
    const { control, applicationId, password } = neighbours.veeam;
    // Requests have time-outs by the same clock, and a busy machine needs some of that time.
    step = 250;
    const oscar = await callerNamed('oscar');
    const fred = await openDesk('fred', { ...neighbours, gateway }, 'fabrikam.onmicrosoft.com');
    const restores = `/api/v1/restore-sessions/${fred.sid}/onedrives/${fred.oneDrives.Fred}/restore`;
    const load = { isOver: false };
    const counts = { organizations: 0, restores: 0 };
    const listing = (async () => {
      for (; !load.isOver; counts.organizations++) {
        await pause(PACE_MS);
        expect(await oscar.get('/api/v1/organizations')).toMatchObject({ status: 200, body: { items: [{}] } });
      }
    })();
    const restoring = (async () => {
      for (; !load.isOver; counts.restores++) {
        const { status, headers } = await fred.caller.post(restores, {});
        expect(status).toBe(202);
        expect(await fred.caller.endOf(operationIdOf(headers))).toMatchObject({ state: 'succeeded' });
      }
    })();

    const pfxs = await Promise.all([0, 1, 2, 3, 4].map((index) => makePfx(distinct(`certificate ${index}`))));
    const good = new Set(pfxs.map(({ file }) => file.toString('base64')));
    let veeamPassword = password;
    const ways = ['plain write', 'atomic rename', '..data swap', '..data swap', 'plain write'] as const;
    for (const [index, next] of pfxs.entries()) {
      const how = ways[index] ?? 'plain write';
      const nextPassword = distinct(`veeam ${index}`);
      control.acceptCertificate(applicationId, next.certificate);
      control.acceptPassword(nextPassword);
      const used = [logged(IN_USE, fabrikamCertificate).length, logged(IN_USE, upstreamLogin).length];
      const files = {
        'fabrikam.pfx': next.file,
        'fabrikam.pfx.password': next.password,
        'veeam.password': nextPassword,
      };
      await mount.change(how, files);
      await untilLogged(IN_USE, fabrikamCertificate, used[0] ?? 0);
      await untilLogged(IN_USE, upstreamLogin, used[1] ?? 0);
      control.refusePassword(veeamPassword);
      control.expireAccessTokens();
      control.revokeRefreshTokens();
      veeamPassword = nextPassword;
      const before = { ...counts };
      await until(() => counts.restores >= before.restores + 2 && counts.organizations >= before.organizations + 2);
      expect(control.actions().at(-1)?.credentials).toMatchObject({
        applicationCertificate: next.file.toString('base64'),
        applicationCertificatePassword: next.password,
      });
      expect(lastLogin()).toMatchObject({ password: nextPassword });

      if (index !== 1) continue;
      await changeInVain(fabrikamCertificate, { 'fabrikam.pfx': next.file.subarray(0, 500) });
      await changeInVain(upstreamLogin, { 'veeam.password': distinct('wrong') });
      await mount.change(how === 'atomic rename' ? how : 'plain write', files);
    }

    load.isOver = true;
    await Promise.all([listing, restoring]);
    const certificates = new Set(
      control
        .actions()
        .map(({ credentials }) => credentials?.kind === 'application' && credentials.applicationCertificate),
    );
    expect([...certificates].filter((file) => file !== false && good.has(file))).toHaveLength(5);
    expect(certificates.size).toBeLessThanOrEqual(6);
    expect(gateway.log().some((line) => line.includes('operation failed'))).toBe(false);
  }, 180_000);

  it.each<MountChange>(['plain write', 'atomic rename', '..data swap'])('takes a certificate by %s', async (how) => {
    const { control, applicationId } = neighbours.veeam;
    const next = await makePfx(distinct('another'));
    control.acceptCertificate(applicationId, next.certificate);
    await change(how, fabrikamCertificate, { 'fabrikam.pfx': next.file, 'fabrikam.pfx.password': next.password });
    expect(await certificateUsed()).toEqual(asUsed(next));
  });

  it('never mixes a certificate with the password of another', async () => {
    const { control, applicationId } = neighbours.veeam;
    const before = await certificateUsed();
    const next = await makePfx(distinct('another'));
    control.acceptCertificate(applicationId, next.certificate);
    const line = await changeInVain(fabrikamCertificate, { 'fabrikam.pfx': next.file });
    expect(line).toContain('cannot be opened with its password');
    expect(await certificateUsed()).toEqual(before);
    await change('plain write', fabrikamCertificate, { 'fabrikam.pfx.password': next.password });
    expect(await certificateUsed()).toEqual(asUsed(next));
  });

  it('tells of a broken certificate in health, metrics and the log, until it is mended', async () => {
    const before = await certificateUsed();
    await changeInVain(fabrikamCertificate, { 'fabrikam.pfx': 'not a certificate' });
    expect(await health()).toMatchObject({
      status: 'ready',
      checks: {
        credentials: { status: 'degraded', detail: `what was changed of ${fabrikamCertificate} cannot be used` },
      },
    });
    expect(await metric('credential_reload_total{result="refused"}')).toBe(1);
    expect(await certificateUsed()).toEqual(before);
    await mount.change('plain write', { 'fabrikam.pfx': Buffer.from(before.file, 'base64') });
    await until(async () => (await health()).checks.credentials.status === 'up', moving);
  });

  it('puts on record what was replaced, refused and withdrawn, by name and thumbprint', async () => {
    const { control, applicationId } = neighbours.veeam;
    const before = await certificateUsed();
    const next = await makePfx(distinct('another'));
    control.acceptCertificate(applicationId, next.certificate);
    const files = { 'fabrikam.pfx': next.file, 'fabrikam.pfx.password': next.password };
    await change('atomic rename', fabrikamCertificate, files);
    await changeInVain(fabrikamCertificate, { 'fabrikam.pfx': 'not a certificate' });
    await changeInVain('DATABASE_URL', { 'database-url': `postgresql://nobody:${distinct('p')}@127.0.0.1:1/nowhere` });
    await mount.change('plain write', { ...files, 'database-url': proxy.url });
    const thumbprint = thumbprintOf(next.certificate);
    const certificate = { credential: fabrikamCertificate, thumbprint };
    const rule = 'must be a PKCS#12 (PFX) file or the base64 of one';
    const expected = [
      { outcome: 'replaced', detail: { ...certificate, replaced: expect.stringMatching(/^[0-9A-F]{40}$/) as string } },
      { outcome: 'refused', detail: { ...certificate, reason: rule } },
      { outcome: 'refused', detail: { credential: 'DATABASE_URL', reason: 'store-unavailable' } },
      { outcome: 'withdrawn', detail: certificate },
      { outcome: 'withdrawn', detail: { credential: 'DATABASE_URL' } },
    ];
    const records = await until(async () => {
      const all = await reloadsOnRecord();
      return all.length >= expected.length && all;
    }, moving);
    // The last two come side by side.
    const told = records.map(({ outcome, detail }) => ({ outcome, detail }));
    expect(told.slice(0, 3)).toEqual(expected.slice(0, 3));
    expect(told).toEqual(expect.arrayContaining(expected));
    expect(records).toHaveLength(expected.length);
    expect(records.every((record) => record.actor === undefined && record.organization === undefined)).toBe(true);
    expect(records[0]?.detail?.replaced).not.toBe(thumbprint);
    expect(before.file).not.toBe(next.file.toString('base64'));
  });

  it('takes the password of a profile, and an operation that began before ends with the old one', async () => {
    const { control, restorePassword } = neighbours.veeam;
    const oscar = await openDesk('oscar', { ...neighbours, gateway });
    const restore = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Bob}/restore`;
    const hold = control.hold({ action: 'restore' }, 'running');
    const first = await oscar.caller.post(restore, {});
    await hold.reached;
    const nextPassword = distinct('restore');
    control.acceptRestorePassword(nextPassword);
    await change('plain write', contosoRestorer, { 'contoso.password': nextPassword });
    hold.release();
    expect(await oscar.caller.endOf(operationIdOf(first.headers))).toMatchObject({ state: 'succeeded' });
    const second = await oscar.caller.post(restore, {});
    expect(await oscar.caller.endOf(operationIdOf(second.headers))).toMatchObject({ state: 'succeeded' });
    expect(control.actions().map(({ credentials }) => credentials)).toMatchObject([
      { userPassword: restorePassword },
      { userPassword: nextPassword },
    ]);
  });

  describe('the login of the backup server', () => {
    it('is read afresh when upstream refuses it, before anybody looked at the file', async () => {
      const { control, password } = neighbours.veeam;
      const oscar = await callerNamed('oscar');
      expect((await oscar.get('/api/v1/organizations')).status).toBe(200);
      const rotated = distinct('rotated');
      await mount.change('atomic rename', { 'veeam.password': rotated });
      control.acceptPassword(rotated);
      control.refusePassword(password);
      control.expireAccessTokens();
      control.revokeRefreshTokens();
      expect((await oscar.get('/api/v1/organizations')).status).toBe(200);
      expect(lastLogin()).toMatchObject({ password: rotated });
      await untilLogged(IN_USE, upstreamLogin, 0);
      expect(await metric('credential_reload_total{result="replaced"}')).toBe(1);
      await until(async () => (await reloadsOnRecord()).length > 0);
      expect(await reloadsOnRecord()).toMatchObject([{ outcome: 'replaced', detail: { credential: upstreamLogin } }]);
    });

    it('is tried once with a wrong password, which is not used', async () => {
      const { control, password } = neighbours.veeam;
      const oscar = await callerNamed('oscar');
      const wrong = distinct('wrong');
      await changeInVain(upstreamLogin, { 'veeam.password': wrong });
      await clock.advance(600_000);
      control.expireAccessTokens();
      control.revokeRefreshTokens();
      expect((await oscar.get('/api/v1/organizations')).status).toBe(200);
      expect(lastLogin()).toMatchObject({ password });
      const tried = control
        .received()
        .filter(({ body }) => (body as Record<string, string> | undefined)?.password === wrong);
      expect(tried).toHaveLength(1);
    });
  });

  describe('the database URL', () => {
    const connections = async (role: string): Promise<number> => {
      const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
      const { rows } = await owner.query<{ count: string }>(
        `select count(*) from pg_stat_activity where usename = $1 and datname = current_database() and application_name = 'restore-gateway'`,
        [role],
      );
      await owner.end();
      return Number(rows[0]?.count);
    };

    it('is tried and then used for new connections; device codes and repeats stay known', async () => {
      const oscar = await openDesk('oscar', { ...neighbours, gateway });
      const code = await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`);
      const send = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Bob}/send`;
      const mail = { to: 'bob@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
      const sent = await oscar.caller.post(send, mail, { 'idempotency-key': 'mail-1' });
      expect(sent.status).toBe(202);
      expect(await oscar.caller.endOf(operationIdOf(sent.headers))).toMatchObject({ state: 'succeeded' });

      const url = new URL(neighbours.database.url);
      url.searchParams.set('options', '-c statement_timeout=10min');
      await change('plain write', 'DATABASE_URL', { 'database-url': url.href });
      proxy.goDown();

      const restore = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Bob}/restore`;
      const withCode = await oscar.caller.post(restore, { userCode: code.body.userCode });
      expect(withCode.status).toBe(202);
      expect(await oscar.caller.endOf(operationIdOf(withCode.headers))).toMatchObject({ state: 'succeeded' });
      const again = await oscar.caller.post(send, mail, { 'idempotency-key': 'mail-1' });
      expect(again).toMatchObject({ status: 202, body: { id: sent.body.id } });
    });

    it('leaves a transaction that runs on its connection, and no connection behind', async () => {
      const oscar = await callerNamed('oscar');
      const before = proxy.bytesFromDatabase;
      await Promise.all(Array.from({ length: 20 }, () => oscar.get('/api/v1/operations')));
      expect(proxy.bytesFromDatabase).toBeGreaterThan(before);
      const asking = (async () => {
        for (let count = 0; count < 60; count++) expect((await oscar.get('/api/v1/operations')).status).toBe(200);
      })();
      await change('plain write', 'DATABASE_URL', { 'database-url': neighbours.database.url });
      await asking;
      const after = proxy.bytesFromDatabase;
      await oscar.get('/api/v1/operations');
      expect(proxy.bytesFromDatabase).toBe(after);
      await until(() => connections(new URL(neighbours.database.url).username).then((count) => count <= 10));
    });

    it.each<[string, () => string | Promise<string>]>([
      [
        'with a wrong password',
        () => Object.assign(new URL(neighbours.database.url), { password: distinct('wrong') }).href,
      ],
      ['of another database', () => process.env.TEST_DATABASE_SERVICE_URL?.replace(/\/[^/]*$/, '/postgres') ?? ''],
      ['of nowhere', () => 'postgresql://nobody:nothing-8Hq2@127.0.0.1:1/nowhere'],
      ['that is none', () => 'hunter2-hunter2'],
    ])('goes on with what it has when it becomes one %s', async (_, url) => {
      await changeInVain('DATABASE_URL', { 'database-url': await url() });
      const oscar = await callerNamed('oscar');
      expect((await oscar.get('/api/v1/operations')).status).toBe(200);
      expect((await health()).checks.credentials.status).toBe('degraded');
    });
  });

  async function metric(name: string): Promise<number | undefined> {
    const { text } = await gateway.app.get(Metrics).expose();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }
});
