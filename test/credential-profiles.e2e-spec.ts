import { ManualClock } from '@app/clock';
import { ConfigurationError } from '@app/config';
import { Metrics } from '@app/logging';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { makePfx } from './support/pfx.js';
import { PolicyFolder } from './support/policies.js';
import { SecretMount } from './support/secret-mount.js';
import { changedSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests, changes } from './support/upstream.js';
import { type Gateway, type GatewayOptions, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const CONTOSO = 'contoso.onmicrosoft.com';
const FABRIKAM = 'fabrikam.onmicrosoft.com';
const DAY = 86_400_000;

type Profile = Readonly<Record<string, unknown>>;

describe('credential profiles', () => {
  let neighbours: Neighbours;
  let mount: SecretMount;
  let user: Profile;
  let application: Profile;
  const gateways: Gateway[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    const { veeam } = neighbours;
    const files = {
      'restore.password': veeam.restorePassword,
      'application.pfx': await readFile(veeam.certificateFile),
      'application.pfx.base64': (await readFile(veeam.certificateFile)).toString('base64').replace(/.{64}/g, '$&\r\n'),
      'application.pfx.password': veeam.certificatePassword,
      'other.password': 'not the password',
    };
    mount = await SecretMount.with(files, { canary: neighbours.canary, belongsIn: () => ['upstream-action'] });
    user = {
      name: 'contoso-user',
      organization: CONTOSO,
      kind: 'user',
      userName: veeam.restoreUserName,
      password: { file: mount.path('restore.password') },
    };
    application = {
      name: 'contoso-application',
      organization: CONTOSO,
      kind: 'application',
      applicationId: veeam.applicationId,
      certificate: { file: mount.path('application.pfx') },
      certificatePassword: { file: mount.path('application.pfx.password') },
    };
  });
  afterAll(async () => {
    await neighbours.close();
    await mount.remove();
  });
  beforeEach(() => {
    neighbours.veeam.control.clearReceived();
  });
  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
    neighbours.veeam.control.clearFaults();
  });

  async function start(
    credentialProfiles: readonly Profile[],
    { environment, ...options }: GatewayOptions = {},
  ): Promise<Gateway> {
    const settings = await changedSettings(neighbours, () => ({ credentialProfiles }));
    const gateway = await startGateway(neighbours, { ...options, environment: { ...settings, ...environment } });
    gateways.push(gateway);
    return gateway;
  }

  const deskIn = (gateway: Gateway, name: string, organization?: string) =>
    openDesk(name, { ...neighbours, gateway }, organization);
  const act = (desk: Desk, action: string, body: object = {}): Promise<Answer> =>
    desk.caller.post(
      `/api/v1/restore-sessions/${desk.sid}/onedrives/${desk.oneDrives.Bob ?? desk.oneDrives.Fred}/${action}`,
      body,
    );
  const copyBody = (desk: Desk) => ({ target: { oneDriveId: desk.oneDrives.Alice } });
  async function restoredWith(desk: Desk, body: object = {}) {
    const { headers } = await act(desk, 'restore', body);
    expect(await desk.caller.endOf(operationIdOf(headers))).toMatchObject({ state: 'succeeded' });
    return neighbours.veeam.control.actions().at(-1)?.credentials;
  }
  const withoutIds = ({ status, body: { requestId: _, ...body } }: Answer) => ({ status, body: body as unknown });

  describe('of an organization', () => {
    it('are the default one, and the other when it is named', async () => {
      const desk = await deskIn(await start([{ ...user, default: true }, application]), 'oscar');
      expect(await restoredWith(desk)).toMatchObject({ kind: 'user' });
      expect(await restoredWith(desk, { credentialProfile: 'contoso-application' })).toEqual({
        kind: 'application',
        applicationId: neighbours.veeam.applicationId,
        applicationCertificate: (await readFile(neighbours.veeam.certificateFile)).toString('base64'),
        applicationCertificatePassword: neighbours.veeam.certificatePassword,
      });
      const [, used] = (await auditRecords(neighbours))
        .filter(({ action }) => action === 'credential-profile.used')
        .slice(-2);
      expect(used?.detail).toMatchObject({ credentialProfile: 'contoso-application' });
    });

    it('may be one for several, of a file that holds base64 in lines', async () => {
      const shared = {
        ...application,
        name: 'both',
        organization: undefined,
        organizations: [CONTOSO, FABRIKAM],
        certificate: { file: mount.path('application.pfx.base64') },
      };
      const gateway = await start([shared]);
      for (const desk of [await deskIn(gateway, 'oscar'), await deskIn(gateway, 'fred', FABRIKAM)]) {
        expect(await restoredWith(desk)).toMatchObject({
          kind: 'application',
          applicationCertificate: (await readFile(neighbours.veeam.certificateFile)).toString('base64'),
        });
      }
    });

    it('that belong to another are as ones that do not exist', async () => {
      const foreign = { ...application, name: 'fabrikam', organization: FABRIKAM };
      const desk = await deskIn(await start([user, foreign]), 'oscar');
      neighbours.veeam.control.clearReceived();
      const [ofAnother, ofNobody] = [
        await act(desk, 'restore', { credentialProfile: 'fabrikam' }),
        await act(desk, 'restore', { credentialProfile: 'nobodys' }),
      ];
      expectProblem(ofAnother, 'no-credential-profile');
      expect(withoutIds(ofAnother)).toEqual(withoutIds(ofNobody));
      expect(changes(neighbours.veeam.control)).toEqual([]);
    });

    it('are needed: without one nothing is begun', async () => {
      const desk = await deskIn(await start([{ ...application, organization: FABRIKAM }]), 'oscar');
      neighbours.veeam.control.clearReceived();
      expectProblem(await act(desk, 'restore'), 'no-credential-profile');
      expect(changes(neighbours.veeam.control)).toEqual([]);
    });

    it('serve the actions they are for, and the problem says which not', async () => {
      const desk = await deskIn(
        await start([
          { ...user, default: true, actions: ['restore'] },
          { ...user, name: 'contoso-copy', actions: ['copy'] },
        ]),
        'oscar',
      );
      const byDefault = await act(desk, 'copy', copyBody(desk));
      expectProblem(byDefault, 'no-credential-profile');
      expect(byDefault.body.detail).toBe(
        'The default credential profile of the organization is not for the action copy; name another one.',
      );
      const named = await act(desk, 'restore', { credentialProfile: 'contoso-copy' });
      expectProblem(named, 'no-credential-profile');
      expect(named.body.detail).toBe('The credential profile is not for the action restore; name another one.');
      expect(actionRequests(neighbours.veeam.control)).toEqual([]);
      const copied = await act(desk, 'copy', { ...copyBody(desk), credentialProfile: 'contoso-copy' });
      expect(await desk.caller.endOf(operationIdOf(copied.headers))).toMatchObject({ state: 'succeeded' });
    });

    it('are named only by whom the policy lets', async () => {
      const policies = new PolicyFolder();
      policies.write(
        'profiles',
        '@id("no-application") forbid (principal, action == Action::"restore", resource) when { context has credentialProfile && context.credentialProfile == "contoso-application" };',
      );
      const gateway = await start([{ ...user, default: true }, application], {
        environment: { POLICY_DIR: policies.path },
      });
      const desk = await deskIn(gateway, 'oscar');
      neighbours.veeam.control.clearReceived();
      expectProblem(await act(desk, 'restore', { credentialProfile: 'contoso-application' }), 'forbidden');
      expect(changes(neighbours.veeam.control)).toEqual([]);
      expect((await auditRecords(neighbours)).at(-1)).toMatchObject({ decision: 'deny', policies: ['no-application'] });
      expect(await restoredWith(desk)).toMatchObject({ kind: 'user' });
      policies.remove();
    });
  });

  describe('that the version of the backup server cannot take', () => {
    it('are refused by v5: a copy with a certificate, and any region', async () => {
      const desk = await deskIn(
        await start([{ ...user, default: true, region: 'us-government' }, application]),
        'oscar',
      );
      neighbours.veeam.control.clearReceived();
      const byCertificate = { ...copyBody(desk), credentialProfile: 'contoso-application' };
      expectProblem(await act(desk, 'copy', byCertificate), 'not-supported-by-upstream');
      expectProblem(await act(desk, 'restore'), 'not-supported-by-upstream');
      expect(changes(neighbours.veeam.control)).toEqual([]);
    });

    it('are taken by v8, with their region', async () => {
      const gateway = await start([{ ...application, region: 'us-government' }], {
        environment: { VEEAM_API_VERSION: 'v8' },
      });
      const desk = await deskIn(gateway, 'oscar');
      const copied = await act(desk, 'copy', copyBody(desk));
      expect(copied.status).toBe(202);
      await until(() => actionRequests(neighbours.veeam.control).length > 0);
      expect(actionRequests(neighbours.veeam.control)[0]?.body).toMatchObject({
        officeRegion: 'USGovernment',
        applicationId: neighbours.veeam.applicationId,
      });
      await desk.caller.endOf(operationIdOf(copied.headers));
    });
  });

  describe('with a certificate that cannot be used', () => {
    const fixture = (name: string) =>
      readFileSync(join(__dirname, '../libs/secrets/spec-support/pkcs12', `${name}.pfx`));

    it.each<[string, () => Promise<Record<string, string | Buffer>>, string]>([
      ['has another password', () => Promise.resolve({ password: 'wrong' }), 'cannot be opened with its password'],
      [
        'has no key',
        () => Promise.resolve({ pfx: fixture('no-key'), password: 'opensesame' }),
        'must hold a private key',
      ],
      [
        'is cut off',
        async () => ({ pfx: (await makePfx('x')).file.subarray(0, 700), password: 'x' }),
        'is cut off or damaged',
      ],
      [
        'asks for ten million rounds',
        () => Promise.resolve({ pfx: fixture('ten-million-rounds'), password: 'opensesame' }),
        'must not need more than 1000000 rounds of key derivation',
      ],
    ])('stop the start when it %s, by name and reason', async (_, files, rule) => {
      const { pfx = await readFile(neighbours.veeam.certificateFile), password = '' } = await files();
      await mount.change('plain write', { 'bad.pfx': pfx, 'bad.password': password });
      const bad = {
        ...application,
        certificate: { file: mount.path('bad.pfx') },
        certificatePassword: { file: mount.path('bad.password') },
      };
      const refusal: unknown = await start([{ ...user, default: true }, bad]).catch((error: unknown) => error);
      expect(refusal).toEqual(
        new ConfigurationError([{ key: 'credentialProfiles[1].certificate (of contoso-application)', rule }]),
      );
    });

    it.each(dialects)(
      'without a password go to $version with an empty one, if the profile says so',
      async (dialect) => {
        const { control, applicationId } = neighbours.veeam;
        const { file, certificate } = await makePfx('');
        await mount.change('plain write', { 'open.pfx': file });
        control.acceptCertificate(applicationId, certificate);
        const open = { ...application, certificate: { file: mount.path('open.pfx') }, certificatePassword: 'none' };
        const gateway = await start([open], { environment: { VEEAM_API_VERSION: dialect.version } });
        expect(await restoredWith(await deskIn(gateway, 'oscar'))).toEqual({
          kind: 'application',
          applicationId,
          applicationCertificate: file.toString('base64'),
          applicationCertificatePassword: '',
        });
        const forgotten = { ...open, certificatePassword: undefined };
        await expect(start([forgotten])).rejects.toThrow('credentialProfiles[0].certificatePassword: must be either');
      },
    );

    it.each([
      ['has expired', 900 * DAY, /has expired at 20/],
      ['is not yet valid', -9_000 * DAY, /is not valid before 2020-01-01/],
    ])('stop the start when it %s', async (_, offset, rule) => {
      await expect(start([application], { clock: new ManualClock(Date.now() + offset) })).rejects.toThrow(rule);
    });
  });

  describe('as they are listed', () => {
    it('show operators what serves their organization, how long, and when last, and nothing secret', async () => {
      const shared = {
        ...application,
        name: 'both',
        organization: undefined,
        organizations: [FABRIKAM, CONTOSO],
        actions: ['restore'],
      };
      const gateway = await start([
        { ...user, default: true },
        shared,
        { ...user, name: 'fabrikams', organization: FABRIKAM, default: true },
      ]);
      const desk = await deskIn(gateway, 'oscar');
      await restoredWith(desk, { credentialProfile: 'both' });
      const { status, body } = await desk.caller.get('/api/v1/credential-profiles');
      expect({ status, body: body as unknown }).toEqual({
        status: 200,
        body: {
          items: [
            {
              name: 'contoso-user',
              kind: 'user',
              organizations: [CONTOSO],
              defaultOf: [CONTOSO],
              actions: ['restore', 'copy'],
              lastUsedAt: expect.any(String) as string,
            },
            {
              name: 'both',
              kind: 'application',
              organizations: [CONTOSO],
              defaultOf: [],
              actions: ['restore'],
              subject: 'CN=restore-application',
              thumbprint: expect.stringMatching(/^[0-9A-F]{40}$/) as string,
              expiresAt: expect.any(String) as string,
              daysToExpiry: 729,
              lastUsedAt: expect.any(String) as string,
            },
          ],
        },
      });
      const shown = JSON.stringify(body);
      for (const hidden of [FABRIKAM, neighbours.veeam.restoreUserName, neighbours.veeam.applicationId]) {
        expect(shown).not.toContain(hidden);
      }
    });

    it('page by cursor', async () => {
      const oscar = (await deskIn(await start([{ ...user, default: true }, application]), 'oscar')).caller;
      const first = await oscar.get('/api/v1/credential-profiles?limit=1');
      expect(first.body.items).toMatchObject([{ name: 'contoso-user' }]);
      const second = await oscar.get(`/api/v1/credential-profiles?limit=1&cursor=${first.body.nextCursor}`);
      expect(second.body.items).toMatchObject([{ name: 'contoso-application' }]);
      expect(second.body.nextCursor).toBeUndefined();
    });

    it('are for operators, unless the policy says otherwise', async () => {
      const policies = new PolicyFolder();
      policies.write(
        'auditors-too',
        '@id("auditors-too") permit (principal, action == Action::"listCredentialProfiles", resource) when { resource in principal.auditorOf };',
      );
      const profiles = [user, { ...application, organization: FABRIKAM }];
      const gateway = await start(profiles, { environment: { POLICY_DIR: policies.path } });
      const callerNamed = (name: string) => Caller.named(name, { ...neighbours, gateway });
      expectProblem(await (await callerNamed('alice')).get('/api/v1/credential-profiles'), 'forbidden');
      const { body } = await (await callerNamed('audrey')).get('/api/v1/credential-profiles');
      expect(body.items.map(({ name }: { name: string }) => name)).toEqual(['contoso-user', 'contoso-application']);
      const records = (await auditRecords(neighbours)).filter(({ action }) => action === 'listCredentialProfiles');
      expect(records.slice(-2)).toMatchObject([
        { decision: 'allow', organization: CONTOSO, policies: ['auditors-too'] },
        { decision: 'allow', organization: FABRIKAM, policies: ['auditors-too'] },
      ]);
      policies.remove();
    });
  });

  it('warn of a certificate that expires soon, and go on with one that has while health is degraded', async () => {
    const { notAfter } = await certificateOf();
    const clock = new ManualClock(notAfter - 5_000);
    const gateway = await start([application], { clock });
    const told = (text: string) => gateway.log().filter((line) => line.includes(text)).length;
    expect(told('the certificate of a credential profile expires soon')).toBe(1);
    const { text } = await gateway.app.get(Metrics).expose();
    expect(text).toContain('credential_days_to_expiry{profile="contoso-application"} 0');
    await until(() => told('the certificate of a credential profile has expired') === 1, { clock, by: 3_000 });
    const { body } = await new Caller(gateway.url, undefined).get('/health/ready');
    expect(body).toMatchObject({
      checks: {
        credentials: {
          status: 'degraded',
          detail: 'the certificate of credential profile contoso-application has expired',
        },
      },
    });
  });

  async function certificateOf() {
    const gateway = await start([application]);
    const oscar = await Caller.named('oscar', { ...neighbours, gateway });
    const { body } = await oscar.get('/api/v1/credential-profiles');
    return { notAfter: Date.parse(body.items[0].expiresAt as string) };
  }
});
