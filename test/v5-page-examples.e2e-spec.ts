import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Answer, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects, type TestDialect } from './support/dialects.js';
import { digestsBelow, digestsInZip, emptyFolder } from './support/files.js';
import { readMails } from './support/mailbox.js';
import { until } from './support/until.js';
import { arrivals, changes, requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(30_000);

const contoso = 'contoso.onmicrosoft.com';
const fabrikam = 'fabrikam.onmicrosoft.com';

/*
 * Every request body on the vendor's page of POST .../OneDrives/{oneDriveId}/Action of version 5, letter by letter but for
 * the certificate, which is cut short.
 */
const printed = {
  restoreWithPassword:
    '{ "restoreToOriginalLocation" : { "username" : "admin", "userpassword" : "12345678", "DocumentVersion" : "last", "documentAction" : "keep" } }',
  restoreWithDeviceCode:
    '{ "restoretoOriginallocation": { "userCode": "C6A9DB737", "DocumentVersion" : "last", "documentAction" : "keep" } }',
  restoreWithCertificate:
    '{ "restoretoOriginallocation": { "ApplicationId" : <app_id>, "ApplicationCertificate": "MIIKEgIBAzCCCc4GCSqGSIb3DQEHAaCCCb8Eggm7MIIJtzCCBggGCSqGSIb3DQEHAaCCBfkEggX1MIIF8TCCBe0G", "ApplicationCertificatePassword": "xxx", "DocumentVersion" : "last", "documentAction" : "keep" } }',
  send: '{ "sendTo": {"from": "j_smith@bestsupport.onmicrosoft.com", "to": "r.clark@bestsupport.onmicrosoft.com", "subject": "Support Ticket", "text": "Please find attached the files you requested" } }',
  copyInShort:
    '{ "copyTo" : { "username" : "admin", "userpassword" : "12345678", "DocumentVersion" : "last", "documentLastVersionAction" : "Merge", "folder" : "newFolder", "OneDrive" : .. , "changedItems" : true, "deletedItems" : true, "restorePermissions" : true } }',
  copy: `{ "copyTo" : { "username" : "admin", "userpassword" : "12345678", "DocumentVersion" : "last", "documentLastVersionAction" : "Merge", "folder" : "newFolder", "OneDrive" :
{ "id": "724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11", "name": "CopyTo User", "url": "http://server/personal/orgUser", "_links": { "self": { "href": "https://support.north.local:4443/v5/organizations/a602e179-a821-4544-b653-f4aa03b39817/users/00000000-0000-0000-0000-000000000000d6d5c441-6c14-411a-9147-53f31a16d225AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==/onedrives/724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11" }, "user": { "href": "https://support.north.local:4443/v5/organizations/a602e179-a821-4544-b653-f4aa03b39817/users/00000000-0000-0000-0000-000000000000d6d5c441-6c14-411a-9147-53f31a16d225AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==" } } }
, "changedItems" : true, "deletedItems" : true, "restorePermissions" : true } }`,
  save: '{ "save": null }',
  saveInCurlyQuotes: '{ “save” : null }',
};
const printedPath =
  '/v5/RestoreSessions/61954db6-7278-4d26-86f7-888bda5a4ec4/Organization/OneDrives/724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11/Action';
const printedOneDriveId = '724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11';
const printedCode = 'C6A9DB737';

const passwordMembers = '"username" : "admin", "userpassword" : "12345678", ';
const certificateMembers = /"ApplicationId" : .*"ApplicationCertificatePassword": "xxx", /;
const printedOneDrive = /"OneDrive" :\s*(\{.*\})\s*, "changedItems"/s.exec(printed.copy)?.[1] ?? '';

/** The page's two places to be filled in. */
const filledIn = {
  restoreWithCertificate: change(printed.restoreWithCertificate, '<app_id>', '"0f3d7a9c-5b1e-4c2a-9d84-6e1f0b2c3d4e"'),
  copyInShort: change(printed.copyInShort, '..', printedOneDrive),
};

/** Spellings of the route: as printed, and others that version 5 takes for the same. */
const spellings = [
  '/v5/RestoreSessions/{sid}/Organization/OneDrives/{oid}/Action',
  '/v5/restoresessions/{sid}/organization/onedrives/{oid}/action',
  '/V5/RESTORESESSIONS/{sid}/Organization/oneDrives/{oid}/ACTION',
];

const wholeStatistics = {
  totalItemsCount: 5,
  restoredItemsCount: 5,
  failedItemsCount: 0,
  skippedItemsByErrorCount: 0,
  skippedItemsByNoChangesCount: 0,
  failedRestrictionsCount: 0,
  restoreIssues: [],
};

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];
let gateway: Gateway;
let alice: Desk;
let fred: Desk;
let oscar: Desk;

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
});
beforeEach(async () => {
  control.clearReceived();
  await emptyFolder(neighbours.veeam.productionDir);
  await emptyFolder(neighbours.smtp.mailDir);
});
afterAll(() => neighbours.close());

/** One gateway for the tests of a block. */
function useGateway(dialect?: TestDialect): void {
  beforeAll(async () => {
    const environment = dialect && { VEEAM_API_VERSION: dialect.version };
    gateway = await startGateway(neighbours, { ...(environment && { environment }) });
    const world = { ...neighbours, gateway };
    alice = await openDesk('alice', world);
    fred = await openDesk('fred', world, fabrikam);
    oscar = await openDesk('oscar', world);
  });
  afterAll(() => gateway.close());
}

const routeOf = ({ sid, oneDrives }: Desk, owner: string, spelling = spellings[0] ?? '') =>
  spelling.replace('{sid}', sid).replace('{oid}', oneDrives[owner] ?? '');

const filesOf = (login: string) => digestsBelow(join(neighbours.veeam.filesDir, login));
const producedIn = (folder: string) => digestsBelow(join(neighbours.veeam.productionDir, folder));
const placeOf = ({ upstreamSid, oneDrives }: Desk, owner: string) => ({
  upstreamSid,
  oneDriveId: oneDrives[owner] ?? '',
});

/** What was logged from there on, once the line of the answered request is in it. */
async function logSince(start: number, { headers }: Answer): Promise<string> {
  const requestId = headers.get('x-request-id') ?? 'none';
  const lines = () => gateway.log().slice(start);
  await until(() => lines().some((line) => line.includes(requestId) && line.includes('"msg":"request"')));
  return lines().join('\n');
}

describe('the examples on the v5 page', () => {
  useGateway();

  describe('with a credential in them', () => {
    const aCertificate = ['0f3d7a9c-5b1e-4c2a-9d84-6e1f0b2c3d4e', 'MIIKEgIBAzCCCc4GCSqGSIb3DQEH', 'xxx'];

    const examples: [title: string, body: string, fields: string[], values: string[]][] = [
      [
        'restore with a user name and password',
        printed.restoreWithPassword,
        ['restoreToOriginalLocation.username', 'restoreToOriginalLocation.userpassword'],
        ['admin', '12345678'],
      ],
      [
        'restore with a certificate, filled in',
        filledIn.restoreWithCertificate,
        [
          'restoretoOriginallocation.ApplicationId',
          'restoretoOriginallocation.ApplicationCertificate',
          'restoretoOriginallocation.ApplicationCertificatePassword',
        ],
        aCertificate,
      ],
      [
        'copy, filled in',
        filledIn.copyInShort,
        ['copyTo.username', 'copyTo.userpassword'],
        ['admin', '12345678', 'CopyTo User'],
      ],
      ['copy', printed.copy, ['copyTo.username', 'copyTo.userpassword'], ['admin', '12345678', 'CopyTo User']],
    ];
    const onPaths = examples.flatMap(([title, body, fields, values]) =>
      [true, false].map((isOwn) => ({
        title,
        where: isOwn ? 'in a session of the caller' : 'at the printed address',
        isOwn,
        body,
        fields,
        values,
      })),
    );

    it.each(onPaths)('$title: refused $where, and nothing of it kept', async ({ isOwn, body, fields, values }) => {
      const start = gateway.log().length;
      const route = isOwn ? routeOf(oscar, 'Alice') : printedPath;
      const answer = await oscar.caller.call('POST', route, body);

      expectProblem(answer, 'credentials-not-accepted');
      expect(answer.body.errors.map(({ field }: { field: string }) => field)).toEqual(fields);
      const written = `${JSON.stringify(answer.body)}\n${await logSince(start, answer)}`;
      for (const value of values) expect(written).not.toContain(value);
      expect(requests(control)).toEqual([]);
    });
  });

  describe('that are not JSON', () => {
    it.each([
      ['restore with a certificate', printed.restoreWithCertificate],
      ['copy in short', printed.copyInShort],
      ['save in curly quotes', printed.saveInCurlyQuotes],
    ])('%s: refused as printed, at the printed address too', async (_title, body) => {
      for (const route of [routeOf(oscar, 'Alice'), printedPath]) {
        const start = gateway.log().length;
        const answer = await oscar.caller.call('POST', route, body);

        expectProblem(answer, 'validation-failed');
        expect(answer.body.errors).toEqual([
          { field: '', message: expect.stringContaining('not valid JSON') as string },
        ]);
        const written = `${JSON.stringify(answer.body)}\n${await logSince(start, answer)}`;
        for (const value of ['admin', '12345678', 'MIIKEgIBAzCC', 'xxx']) expect(written).not.toContain(value);
      }
      expect(requests(control)).toEqual([]);
    });

    it('says what is wrong with curly quotes', async () => {
      const { body } = await alice.caller.call('POST', routeOf(alice, 'Alice'), printed.saveInCurlyQuotes);
      expect(body.errors[0].message).toContain('curly quotes');
    });
  });

  describe('with ids and addresses of another company', () => {
    it('restore with a device code that nobody issued: unknown', async () => {
      const start = gateway.log().length;
      const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), printed.restoreWithDeviceCode);
      expectProblem(answer, 'device-code-unknown');
      expect(`${JSON.stringify(answer.body)}\n${await logSince(start, answer)}`).not.toContain(printedCode);
      expect(changes(control)).toEqual([]);
    });

    it('send: not allowed', async () => {
      const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), printed.send);
      expectProblem(answer, 'forbidden');
      expect(changes(control)).toEqual([]);
      expect(await readMails(neighbours.smtp.mailDir)).toEqual([]);
    });

    it('copy, without the credentials: no such target', async () => {
      const body = change(printed.copy, passwordMembers, '');
      const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), body);
      expectProblem(answer, 'not-found');
      expect(changes(control)).toEqual([]);
    });

    it.each([
      ['restore', change(printed.restoreWithPassword, passwordMembers, '')],
      ['restore with a device code', printed.restoreWithDeviceCode],
      ['save', printed.save],
    ])('%s: no such session', async (_title, body) => {
      expectProblem(await alice.caller.call('POST', printedPath, body), 'not-found');
      expect(requests(control)).toEqual([]);
    });
  });

  it.each(spellings.slice(1))('that lack nothing but the credentials: done at %s as well', async (spelling) => {
    const body = change(printed.restoreWithPassword, passwordMembers, '');
    const restored = await alice.caller.call('POST', routeOf(alice, 'Alice', spelling), body);
    expect(restored).toMatchObject({ status: 200, body: wholeStatistics });
    const saved = await alice.caller.fetch('POST', routeOf(alice, 'Alice', spelling), printed.save);
    expect(await digestsInZip(Buffer.from(await saved.arrayBuffer()))).toEqual(await filesOf(`alice@${contoso}`));
    expect(control.actions().map(({ action }) => action)).toEqual(['restore', 'save']);
  });
});

describe.each(dialects)('the examples on the v5 page that lack nothing but the credentials, on $version', (dialect) => {
  useGateway(dialect);

  const lastAndKeep = { documentVersion: 'last', documentAction: 'keep' } as const;

  it('restore: done with the account of contoso', async () => {
    const body = change(printed.restoreWithPassword, passwordMembers, '');
    const answer = await alice.caller.call('POST', routeOf(alice, 'Alice'), body);

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(wholeStatistics);
    const { restoreUserName: userName, restorePassword: userPassword } = neighbours.veeam;
    expect(control.actions()).toEqual([
      expect.objectContaining({
        action: 'restore',
        sessionId: alice.upstreamSid,
        oneDriveId: alice.oneDrives.Alice,
        credentials: { kind: 'user', userName, userPassword },
        state: 'finished',
      }),
    ]);
    expect(arrivals(control)).toEqual([
      dialect.restore(placeOf(alice, 'Alice'), { userName, userPassword }, lastAndKeep),
    ]);
    expect(await producedIn(`alice@${contoso}`)).toEqual(await filesOf(`alice@${contoso}`));
  });

  it('restore that fails for a document: told as version 5 does', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 1 } });
    const body = change(printed.restoreWithPassword, passwordMembers, '');
    const answer = await alice.caller.call('POST', routeOf(alice, 'Alice'), body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      ...wholeStatistics,
      restoredItemsCount: 4,
      failedItemsCount: 1,
      restoreIssues: [
        {
          path: 'Budget 2026.csv',
          title: 'Budget 2026.csv',
          warnings: [],
          error: 'Access to the item was denied.',
        },
      ],
    });
  });

  it('restore of all versions: done where upstream can, and refused where it cannot', async () => {
    const { answer: refusal, isSent } = dialect.restoreOfAllVersions;
    const body = change(change(printed.restoreWithPassword, passwordMembers, ''), '"last"', '"all"');
    const answer = await alice.caller.call('POST', routeOf(alice, 'Alice'), body);
    expect(answer).toMatchObject(isSent ? { status: 200, body: wholeStatistics } : refusal);
    expect(control.actions()).toHaveLength(isSent ? 1 : 0);
  });

  it('restore in its other spelling: done with the certificate of fabrikam', async () => {
    const body = printed.restoreWithCertificate.replace(certificateMembers, '');
    expect(body).toBe('{ "restoretoOriginallocation": { "DocumentVersion" : "last", "documentAction" : "keep" } }');
    const answer = await fred.caller.call('POST', routeOf(fred, 'Fred'), body);

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(wholeStatistics);
    const certificate = {
      applicationId: neighbours.veeam.applicationId,
      applicationCertificate: (await readFile(neighbours.veeam.certificateFile)).toString('base64'),
      applicationCertificatePassword: neighbours.veeam.certificatePassword,
    };
    expect(control.actions()).toEqual([
      expect.objectContaining({
        action: 'restore',
        sessionId: fred.upstreamSid,
        oneDriveId: fred.oneDrives.Fred,
        credentials: { kind: 'application', ...certificate },
        state: 'finished',
      }),
    ]);
    expect(arrivals(control)).toEqual([dialect.restore(placeOf(fred, 'Fred'), certificate, lastAndKeep)]);
    expect(await producedIn(`fred@${fabrikam}`)).toEqual(await filesOf(`fred@${fabrikam}`));
  });

  it.each([
    ['the simplified API', (sid: string) => `/api/v1/restore-sessions/${sid}/device-codes`],
    ['the v5 route', (sid: string) => `/v5/RestoreSessions/${sid}/organization/restoreDeviceCode`],
  ])('restore with a device code issued by %s: done with that code', async (_surface, deviceCodes) => {
    const { body: issued } = await oscar.caller.post(deviceCodes(oscar.sid));
    const userCode = issued.userCode as string;
    const body = change(printed.restoreWithDeviceCode, printedCode, userCode);
    const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), body);

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(wholeStatistics);
    expect(control.actions()).toEqual([
      expect.objectContaining({
        action: 'restore',
        sessionId: oscar.upstreamSid,
        oneDriveId: oscar.oneDrives.Alice,
        credentials: { kind: 'device-code', userCode },
        state: 'finished',
      }),
    ]);
    expect(arrivals(control)).toEqual([dialect.restore(placeOf(oscar, 'Alice'), { userCode }, lastAndKeep)]);
    expect(await producedIn(`alice@${contoso}`)).toEqual(await filesOf(`alice@${contoso}`));
  });

  it.each([
    ['copy', printed.copy],
    ['copy in short, filled in', filledIn.copyInShort],
  ])('%s: only the id of the OneDrive counts', async (_title, example) => {
    const body = change(change(example, passwordMembers, ''), `"${printedOneDriveId}"`, `"${oscar.oneDrives.Bob}"`);
    const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), body);

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(wholeStatistics);
    const { restoreUserName: userName, restorePassword: userPassword } = neighbours.veeam;
    expect(control.actions()).toEqual([
      expect.objectContaining({
        action: 'copy',
        sessionId: oscar.upstreamSid,
        oneDriveId: oscar.oneDrives.Alice,
        credentials: { kind: 'user', userName, userPassword },
        state: 'finished',
      }),
    ]);
    expect(arrivals(control)).toEqual([
      dialect.copy(
        placeOf(oscar, 'Alice'),
        { userName, userPassword },
        {
          target: {
            id: oscar.oneDrives.Bob,
            name: 'Bob',
            url: 'https://contoso-my.sharepoint.com/personal/bob_contoso_onmicrosoft_com',
          },
          folder: 'newFolder',
          documentVersion: 'last',
          documentLastVersionAction: 'merge',
          changedItems: true,
          deletedItems: true,
          restorePermissions: true,
          sendSharedLinksNotification: false,
        },
      ),
    ]);
    expect(await producedIn(`bob@${contoso}/newFolder`)).toEqual(await filesOf(`alice@${contoso}`));
  });

  it('save: the files as they are in the backup', async () => {
    const response = await alice.caller.fetch('POST', routeOf(alice, 'Alice'), printed.save);
    const zip = Buffer.from(await response.arrayBuffer());

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-length')).toBe(String(zip.length));
    expect(await digestsInZip(zip)).toEqual(await filesOf(`alice@${contoso}`));
    expect(control.actions()).toEqual([
      expect.objectContaining({
        action: 'save',
        sessionId: alice.upstreamSid,
        oneDriveId: alice.oneDrives.Alice,
        credentials: undefined,
      }),
    ]);
    expect(arrivals(control)).toEqual([dialect.save(placeOf(alice, 'Alice'))]);
  });

  it('send: the mail arrives with the files', async () => {
    const mail = { from: `oscar@${contoso}`, to: `alice@${contoso}` };
    const addressed = change(printed.send, 'j_smith@bestsupport.onmicrosoft.com', mail.from);
    const body = change(addressed, 'r.clark@bestsupport.onmicrosoft.com', mail.to);
    const answer = await oscar.caller.call('POST', routeOf(oscar, 'Alice'), body);

    expect(answer).toMatchObject({ status: 200, body: '' });
    const written = { ...mail, subject: 'Support Ticket', text: 'Please find attached the files you requested' };
    expect(control.actions()).toEqual([
      expect.objectContaining({ action: 'send', sessionId: oscar.upstreamSid, options: written, state: 'finished' }),
    ]);
    expect(arrivals(control)).toEqual([dialect.send(placeOf(oscar, 'Alice'), written)]);

    const [received, ...others] = await readMails(neighbours.smtp.mailDir);
    expect(others).toEqual([]);
    expect(received?.from?.text).toBe(mail.from);
    expect([received?.to].flat().map((to) => to?.text)).toEqual([mail.to]);
    expect(received?.subject).toBe(written.subject);
    expect(received?.text?.trimEnd()).toBe(written.text);
    expect(received?.attachments).toHaveLength(1);
    const zip = received?.attachments[0]?.content ?? Buffer.alloc(0);
    expect(await digestsInZip(zip)).toEqual(await filesOf(`alice@${contoso}`));
  });
});

/** Replaces what must be there, so that no example stays as it was unnoticed. */
function change(text: string, part: string, replacement: string): string {
  if (!text.includes(part)) throw new Error(`${part} is not in: ${text}`);
  return text.replace(part, () => replacement);
}
