import type { FieldError } from '@app/problems';

import { type Answer, Caller, exchangeBytes, expectProblem, parseAnswer } from './support/caller.js';
import { startWorld, type World } from './support/world.js';

type Code = Parameters<typeof expectProblem>[1];

const made = '00000000-0000-4000-8000-000000000000';
const json = { 'content-type': 'application/json' };

describe('hostile input', () => {
  let world: World;
  let oscar: Caller;
  let sid: string;
  let oid: string;
  let organizationId: string;

  beforeAll(async () => {
    // So many refusals of one caller would otherwise be refused themselves.
    world = await startWorld({
      adjust: (configuration) => ({
        ...configuration,
        limits: { ...configuration.limits, requestsPerWindow: 100_000 },
      }),
    });
    oscar = await Caller.named('oscar', world);
    const { body } = await oscar.get('/api/v1/organizations');
    organizationId = body.items[0].id as string;
    sid = await oscar.openSession();
    oid = (await oscar.oneDrives(sid))[0] ?? '';
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.veeam.control.clearReceived();
  });

  const upstreamRequests = () => world.veeam.control.received().map(({ method, path }) => `${method} ${path}`);

  /** A path with the ids of the test in it. */
  const pathOf = (route: string) =>
    route.replace(':sid', sid).replace(':oid', oid).replace(':organization', organizationId);

  async function post(
    route: string,
    body: string | Buffer | undefined,
    headers: Record<string, string> = json,
  ): Promise<Answer> {
    const response = await fetch(`${world.gateway.url}${pathOf(route)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${oscar.token}`, ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    expectHarmless(text);
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  /** A request as bytes: for targets and headers that no client would send. */
  async function send(requestLine: string, headers: readonly string[] = [], body = ''): Promise<Answer> {
    const head = [
      `${pathOf(requestLine)} HTTP/1.1`,
      'Host: gateway',
      `Authorization: Bearer ${oscar.token}`,
      'Connection: close',
      ...headers,
    ];
    const text = await exchangeBytes(world.gateway, `${head.join('\r\n')}\r\n\r\n${body}`);
    expectHarmless(text.split('\r\n\r\n').slice(1).join('\r\n\r\n'));
    return parseAnswer(text);
  }

  function expectRefusal(answer: Answer, code: Code, field?: string): void {
    expectProblem(answer, code);
    if (field !== undefined) {
      expect((answer.body.errors as FieldError[]).map((error) => error.field)).toContain(field);
    }
    expect(upstreamRequests()).toEqual([]);
  }

  const v5Action = '/v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action';
  const oneDrive = '/api/v1/restore-sessions/:sid/onedrives/:oid';
  const actions = [v5Action, `${oneDrive}/restore`, `${oneDrive}/copy`, `${oneDrive}/send`, `${oneDrive}/save`];
  const routes = [
    ...actions,
    '/api/v1/restore-sessions',
    '/v5/Organizations/:organization/Action',
    '/v5/RestoreSessions/:sid/Action',
    '/v5/RestoreSessions/:sid/organization/restoreDeviceCode',
    '/api/v1/restore-sessions/:sid/device-codes',
    `${oneDrive}/documents/x/restore`,
    `${oneDrive}/folders/save`,
    `${oneDrive}/search`,
    '/api/v1/restores',
    '/api/v1/downloads',
  ];

  describe.each(routes)('in the body of %s', (route) => {
    it.each<[string, string | Buffer, string]>([
      ['broken JSON', '{"reason":', ''],
      ['two JSON texts', '{}{}', ''],
      ['a comment', '{/**/}', ''],
      ['a comma too many', '{"reason":"x",}', ''],
      ['curly quotes', '{\u201creason\u201d:\u201cx\u201d}', ''],
      ['an array', '[]', ''],
      ['an array around the body', '[{"save":null}]', ''],
      ['a text', '"save"', ''],
      ['a number', '1', ''],
      ['true', 'true', ''],
      ['null', 'null', ''],
      ['white space alone', ' ', ''],
      ['a name twice', '{"reason":"a","reason":"b"}', 'reason'],
      ['a name in two cases', '{"reason":"a","Reason":"b"}', 'Reason'],
      ['a name twice, once escaped', '{"reason":"a","re\\u0061son":"b"}', 'reason'],
      ['a name twice below', '{"a":{"b":1,"B":2}}', 'a.B'],
      ['__proto__', '{"__proto__":{"save":null}}', '__proto__'],
      ['__PROTO__', '{"__PROTO__":{}}', '__PROTO__'],
      ['__proto__ escaped', '{"\\u005f_proto__":{}}', '__proto__'],
      ['__proto__ below', '{"save":{"__proto__":{"asZip":true}}}', 'save.__proto__'],
      ['constructor', '{"constructor":{"prototype":{}}}', 'constructor'],
      ['ConStructor', '{"ConStructor":1}', 'ConStructor'],
      ['prototype', '{"prototype":1}', 'prototype'],
      ['PROTOTYPE in an array', '{"a":[{"PROTOTYPE":1}]}', 'a.0.PROTOTYPE'],
      ['toString', '{"toString":"x"}', 'toString'],
      ['17 levels', nested(17), Array.from({ length: 16 }, () => 'a').join('.')],
      ['10,000 levels', nested(10_000), Array.from({ length: 16 }, () => 'a').join('.')],
      ['10,000 levels of arrays', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, `a${'.0'.repeat(15)}`],
      ['10,000 levels without an end', '{"a":'.repeat(10_000), ''],
      ['a number too large for a double', '{"reason":1e400}', 'reason'],
      ['a number of many digits', '{"reason":12345678901234567890123}', 'reason'],
      ['a NUL', '{"reason":"a\\u0000b"}', 'reason'],
      ['half a surrogate pair', '{"reason":"\\ud800"}', 'reason'],
      ['invalid UTF-8', Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]), ''],
      ['overlong UTF-8', Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), ''],
      ['UTF-16', Buffer.from('{"reason":"x"}', 'utf16le'), ''],
    ])('%s is refused', async (_case, body, field) => {
      expectRefusal(await post(route, body), 'validation-failed', field);
    });

    it.each([
      'userName',
      'userPassword',
      'applicationId',
      'applicationCertificate',
      'applicationCertificatePassword',
      'USERPASSWORD',
      'officeUsername',
    ])('the credential %s is refused at any depth, and its value repeated nowhere', async (name) => {
      const before = world.gateway.log().length;
      const bodies = [
        [`{"${name}":"hunter2-secret"}`, name],
        [`{"restoreToOriginalLocation":{"${name}":"hunter2-secret"}}`, `restoreToOriginalLocation.${name}`],
        [`{"a":[{"b":{"${name}":{"c":"hunter2-secret"}}}]}`, `a.0.b.${name}`],
        [`{"${name}":null,"copyTo":{},"save":null}`, name],
      ] as const;
      for (const [body, field] of bodies) {
        const answer = await post(route, body);
        expectRefusal(answer, 'credentials-not-accepted', field);
        expect(JSON.stringify(answer.body)).not.toContain('hunter2');
      }
      expect(world.gateway.log().slice(before).join()).not.toContain('hunter2');
    });

    it('one byte over 64 KiB is refused, and 64 KiB are read', async () => {
      const ofLength = (length: number) => `{"nobodyKnowsThis":"${'x'.repeat(length - 22)}"}`;
      expect(Buffer.byteLength(ofLength(65_537))).toBe(65_537);
      expectRefusal(await post(route, ofLength(65_537)), 'payload-too-large');
      if (!route.endsWith('device-codes')) {
        expectRefusal(await post(route, ofLength(65_536)), 'validation-failed', 'nobodyKnowsThis');
      }
    });

    it('one byte over 64 KiB is refused when it comes in chunks', async () => {
      const chunk = `${(65_537).toString(16)}\r\n{"a":"${'x'.repeat(65_529)}"}\r\n0\r\n\r\n`;
      const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
      expectRefusal(await send(`POST ${route}`, headers, chunk), 'payload-too-large');
    });

    it.each([
      ['text', { 'content-type': 'text/plain' }],
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
      ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }],
      ['XML', { 'content-type': 'application/xml' }],
      ['a JSON dialect', { 'content-type': 'application/merge-patch+json' }],
      ['what is no media type', { 'content-type': 'json' }],
      ['JSON in UTF-16', { 'content-type': 'application/json; charset=utf-16' }],
      ['JSON in two charsets', { 'content-type': 'application/json; charset=utf-8; charset=utf-7' }],
      ['gzip', { ...json, 'content-encoding': 'gzip' }],
      ['an unknown coding', { ...json, 'content-encoding': 'x-secret' }],
    ])('%s is an unsupported media type', async (_case, headers) => {
      expectRefusal(await post(route, Buffer.from('{"save":null}'), headers), 'unsupported-media-type');
    });

    it('no media type at all is an unsupported one', async () => {
      expectRefusal(await post(route, Buffer.from('{"save":null}'), {}), 'unsupported-media-type');
    });

    it.each(['wildcard', 'documentVersion2', 'nobody\\nknows\\u202ethis', 'ｓave'])(
      'the unknown member %s is named in printable letters',
      async (name) => {
        if (route.endsWith('device-codes')) return;
        const answer = await post(route, `{"${name}":1}`);
        const field = (JSON.parse(`"${name}"`) as string).replace(
          /[^ -~]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        expectRefusal(answer, 'validation-failed', field);
      },
    );

    it('a name of 10,000 letters is repeated in part only', async () => {
      if (route.endsWith('device-codes')) return;
      const answer = await post(route, `{"${'n'.repeat(10_000)}":1}`);
      expectRefusal(answer, 'validation-failed');
      expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
    });
  });

  const send5 = (members: object) => ({
    sendTo: { to: 'a@contoso.onmicrosoft.com', subject: 's', text: 't', ...members },
  });
  const send1 = (members: object) => ({ to: 'a@contoso.onmicrosoft.com', subject: 's', text: 't', ...members });

  it.each<[string, unknown, string]>([
    ['no action', {}, ''],
    ['two actions', { save: null, restoreToOriginalLocation: {} }, 'save'],
    ['an action and a member', { save: null, asZip: true }, 'asZip'],
    ['an unknown action', { delete: null }, 'delete'],
    ['an action that is not offered', { search: { query: 'x' } }, 'search'],
    ['an action with a long s', { '\u017fave': null }, '\\u017fave'],
    ['an action with a space', { 'save ': null }, 'save '],
    ['a restore that is null', { restoreToOriginalLocation: null }, 'restoreToOriginalLocation'],
    ['a restore that is a text', { restoreToOriginalLocation: 'last' }, 'restoreToOriginalLocation'],
    ['a restore that is an array', { restoreToOriginalLocation: [] }, 'restoreToOriginalLocation'],
    ['an unknown member', { restoreToOriginalLocation: { skip: true } }, 'restoreToOriginalLocation.skip'],
    [
      'a member with a long s',
      { restoreToOriginalLocation: { 'documentVer\u017fion': 'last' } },
      'restoreToOriginalLocation.documentVer\\u017fion',
    ],
    [
      'a wrong enum',
      { restoreToOriginalLocation: { documentVersion: 'latest' } },
      'restoreToOriginalLocation.documentVersion',
    ],
    [
      'an enum with a long s',
      { restoreToOriginalLocation: { documentVersion: 'la\u017ft' } },
      'restoreToOriginalLocation.documentVersion',
    ],
    [
      'an enum with a Kelvin sign',
      { restoreToOriginalLocation: { documentAction: '\u212aeep' } },
      'restoreToOriginalLocation.documentAction',
    ],
    [
      'an enum that is a number',
      { restoreToOriginalLocation: { documentAction: 1 } },
      'restoreToOriginalLocation.documentAction',
    ],
    [
      'an enum that is an array',
      { restoreToOriginalLocation: { documentAction: ['keep'] } },
      'restoreToOriginalLocation.documentAction',
    ],
    [
      'a device code that is an object',
      { restoreToOriginalLocation: { userCode: {} } },
      'restoreToOriginalLocation.userCode',
    ],
    [
      'a device code with a line break',
      { restoreToOriginalLocation: { userCode: 'A\nB' } },
      'restoreToOriginalLocation.userCode',
    ],
    ['a save that is an array', { save: [] }, 'save'],
    ['a save that is a text', { save: 'x' }, 'save'],
    ['a flag that is none', { save: { asZip: 'maybe' } }, 'save.asZip'],
    ['a flag that is a number', { save: { asZip: 1 } }, 'save.asZip'],
    ['a copy without a target', { copyTo: {} }, 'copyTo.oneDrive'],
    ['a copy to a text', { copyTo: { oneDrive: 'x' } }, 'copyTo.oneDrive'],
    ['a copy to an array', { copyTo: { oneDrive: [{ id: 'x' }] } }, 'copyTo.oneDrive'],
    ['a copy to no id', { copyTo: { oneDrive: { name: 'x' } } }, 'copyTo.oneDrive.id'],
    ['a copy to an id that leads up', { copyTo: { oneDrive: { id: '../../x' } } }, 'copyTo.oneDrive.id'],
    ['a copy to an id that is a number', { copyTo: { oneDrive: { id: 1 } } }, 'copyTo.oneDrive.id'],
    ['a copy to an unknown member', { copyTo: { oneDrive: { id: 'x', owner: 'y' } } }, 'copyTo.oneDrive.owner'],
    ['a copy to a folder that leads up', { copyTo: { oneDrive: { id: 'x' }, folder: '../x' } }, 'copyTo.folder'],
    ['a copy to a folder with a backslash', { copyTo: { oneDrive: { id: 'x' }, folder: 'a\\b' } }, 'copyTo.folder'],
    ['a mail without a recipient', { sendTo: { subject: 's', text: 't' } }, 'sendTo.to'],
    ['a mail to two recipients', send5({ to: 'a@contoso.onmicrosoft.com,b@contoso.onmicrosoft.com' }), 'sendTo.to'],
    ['a mail to a list', send5({ to: ['a@contoso.onmicrosoft.com'] }), 'sendTo.to'],
    ['a mail to a name and address', send5({ to: 'A <a@contoso.onmicrosoft.com>' }), 'sendTo.to'],
    [
      'a mail with a header in the recipient',
      send5({ to: 'a@contoso.onmicrosoft.com\r\nBcc: x@evil.example' }),
      'sendTo.to',
    ],
    [
      'a mail with a header in the sender',
      send5({ from: 'a@contoso.onmicrosoft.com\nBcc: x@evil.example' }),
      'sendTo.from',
    ],
    ['a mail with a header in the subject', send5({ subject: 's\r\nBcc: x@evil.example' }), 'sendTo.subject'],
    ['a mail with a separator in the subject', send5({ subject: 's\u2028Bcc: x@evil.example' }), 'sendTo.subject'],
    ['a mail with a bidi trick in the subject', send5({ subject: 's\u202egpj.exe' }), 'sendTo.subject'],
    ['a mail with a Kelvin sign in the name', { sendTo: { 'te\u212at': 't' } }, 'sendTo.te\\u212at'],
  ])('a v5 Action with %s is refused', async (_case, body, field) => {
    expectRefusal(await post(v5Action, JSON.stringify(body)), 'validation-failed', field);
  });

  it.each<[string, string, unknown, string]>([
    ['restore', 'an unknown member', { skip: true }, 'skip'],
    ['restore', 'a v5 action', { restoreToOriginalLocation: {} }, 'restoreToOriginalLocation'],
    ['restore', 'a name in another case', { DocumentVersion: 'last' }, 'DocumentVersion'],
    ['restore', 'an enum in another case', { documentVersion: 'Last' }, 'documentVersion'],
    ['restore', 'a wrong enum', { documentAction: 'replace' }, 'documentAction'],
    ['restore', 'an enum with a Kelvin sign', { documentAction: '\u212aeep' }, 'documentAction'],
    ['restore', 'an enum that is null', { documentVersion: null }, 'documentVersion'],
    ['restore', 'an enum that is an array', { documentVersion: ['last'] }, 'documentVersion'],
    ['restore', 'a profile and a code', { credentialProfile: 'contoso', userCode: 'ABC' }, 'userCode'],
    ['restore', 'a profile that is a path', { credentialProfile: '../x' }, 'credentialProfile'],
    ['restore', 'a reason of two lines', { reason: 'a\nb' }, 'reason'],
    ['restore', 'a reason of 501 characters', { reason: 'x'.repeat(501) }, 'reason'],
    ['restore', 'a reason that is an object', { reason: {} }, 'reason'],
    ['copy', 'no target', {}, 'target'],
    ['copy', 'a target that is a text', { target: 'x' }, 'target'],
    ['copy', 'a target that is an array', { target: [{ oneDriveId: 'x' }] }, 'target'],
    ['copy', 'an empty target', { target: {} }, 'target'],
    ['copy', 'two targets', { target: { oneDriveId: 'x', user: 'a@b.example' } }, 'target'],
    ['copy', 'an unknown member of the target', { target: { oneDriveId: 'x', url: 'y' } }, 'target.url'],
    ['copy', 'a target that leads up', { target: { oneDriveId: '../x' } }, 'target.oneDriveId'],
    ['copy', 'a target that is a number', { target: { oneDriveId: 7 } }, 'target.oneDriveId'],
    ['copy', 'two target users', { target: { user: 'a@b.example,c@d.example' } }, 'target.user'],
    ['copy', 'a folder that leads up', { target: { oneDriveId: 'x' }, folder: 'a/../../b' }, 'folder'],
    ['copy', 'a folder from the root', { target: { oneDriveId: 'x' }, folder: '/a' }, 'folder'],
    ['copy', 'a folder with a line break', { target: { oneDriveId: 'x' }, folder: 'a\r\nb' }, 'folder'],
    ['copy', 'a flag that is a text', { target: { oneDriveId: 'x' }, changedItems: 'true' }, 'changedItems'],
    ['copy', 'a v5 target', { oneDrive: { id: 'x' } }, 'oneDrive'],
    ['send', 'no recipient', { subject: 's', text: 't' }, 'to'],
    ['send', 'two recipients', send1({ to: 'a@contoso.onmicrosoft.com;b@contoso.onmicrosoft.com' }), 'to'],
    ['send', 'a list of recipients', send1({ to: ['a@contoso.onmicrosoft.com'] }), 'to'],
    ['send', 'a header in the recipient', send1({ to: 'a@contoso.onmicrosoft.com\r\nBcc: x@evil.example' }), 'to'],
    ['send', 'a header in the sender', send1({ from: 'a@contoso.onmicrosoft.com\r\nBcc: x@evil.example' }), 'from'],
    ['send', 'a header in the subject', send1({ subject: 's\r\nBcc: x@evil.example' }), 'subject'],
    ['send', 'a bare line feed in the subject', send1({ subject: 's\nBcc: x@evil.example' }), 'subject'],
    ['send', 'a text with a control', send1({ text: 'a\u0007b' }), 'text'],
    ['send', 'a text that is an array', send1({ text: ['t'] }), 'text'],
    ['send', 'a cc', send1({ cc: 'x@evil.example' }), 'cc'],
    ['send', 'a look-alike domain', send1({ to: 'a@contoso.onmicro\u017foft.com' }), 'to'],
    ['save', 'an unknown member', { path: '/etc/passwd' }, 'path'],
    ['save', 'a flag that is a text', { asZip: 'true' }, 'asZip'],
    ['save', 'a flag that is null', { asZip: null }, 'asZip'],
  ])('a %s with %s is refused', async (action, _case, body, field) => {
    expectRefusal(await post(`${oneDrive}/${action}`, JSON.stringify(body)), 'validation-failed', field);
  });

  it.each<[string, string, unknown, string]>([
    ['/api/v1/restore-sessions', 'no organization', {}, 'organizationId'],
    ['/api/v1/restore-sessions', 'an organization that leads up', { organizationId: '../x' }, 'organizationId'],
    ['/api/v1/restore-sessions', 'an organization that is an array', { organizationId: ['x'] }, 'organizationId'],
    [
      '/api/v1/restore-sessions',
      'a time without a zone',
      { organizationId: 'x', pointInTime: '2026-01-01T00:00:00' },
      'pointInTime',
    ],
    ['/api/v1/restore-sessions', 'a time that is a number', { organizationId: 'x', pointInTime: 0 }, 'pointInTime'],
    [
      '/api/v1/restore-sessions',
      'a time that does not exist',
      { organizationId: 'x', pointInTime: '2026-02-30T00:00:00Z' },
      'pointInTime',
    ],
    ['/api/v1/restore-sessions', 'a flag that is a text', { organizationId: 'x', showDeleted: 'yes' }, 'showDeleted'],
    ['/api/v1/restore-sessions', 'an unknown member', { organizationId: 'x', type: 'vex' }, 'type'],
    ['/v5/Organizations/:organization/Action', 'no explore', {}, 'explore'],
    ['/v5/Organizations/:organization/Action', 'another command', { remove: {} }, 'remove'],
    ['/v5/Organizations/:organization/Action', 'an array', { explore: [] }, 'explore'],
    ['/v5/Organizations/:organization/Action', 'another kind of backup', { explore: { type: 'vex' } }, 'explore.type'],
    ['/v5/Organizations/:organization/Action', 'an unknown time', { explore: { dateTime: 'now' } }, 'explore.dateTime'],
    ['/v5/Organizations/:organization/Action', 'a wrong flag', { explore: { showDeleted: 2 } }, 'explore.showDeleted'],
    ['/v5/RestoreSessions/:sid/Action', 'no stop', {}, 'stop'],
    ['/v5/RestoreSessions/:sid/Action', 'a stop that says something', { stop: true }, 'stop'],
    ['/v5/RestoreSessions/:sid/Action', 'a \u017ftop', { '\u017ftop': null }, '\\u017ftop'],
    [
      '/v5/RestoreSessions/:sid/organization/restoreDeviceCode',
      'a wrong id',
      { targetApplicationId: {} },
      'targetApplicationId',
    ],
  ])('%s with %s is refused', async (route, _case, body, field) => {
    expectRefusal(await post(route, JSON.stringify(body)), 'validation-failed', field);
  });

  it.each([
    v5Action,
    `${oneDrive}/copy`,
    `${oneDrive}/send`,
    '/api/v1/restore-sessions',
    '/v5/RestoreSessions/:sid/Action',
  ])('no body at all is refused at %s', async (route) => {
    expectRefusal(await post(route, undefined, {}), 'validation-failed');
    expectRefusal(await post(route, '', json), 'validation-failed');
  });

  describe('in a path', () => {
    const badIds = [
      'a.b',
      '..',
      '%2e%2e',
      '%2e',
      '%2f..%2f',
      '..%2f..',
      'a%2fb%2e',
      '%00',
      'a%0d%0ab',
      'a%20b',
      'a%3fb',
      'a%23b',
      '%5c',
      '%c3%a9',
      'x'.repeat(300),
    ];

    it.each(badIds)('the OneDrive id %s is refused', async (id) => {
      const sound = [
        [v5Action, '{"save":null}'],
        [`${oneDrive}/restore`, '{}'],
        [`${oneDrive}/copy`, '{"target":{"oneDriveId":"x"}}'],
        [`${oneDrive}/send`, JSON.stringify(send1({}))],
        [`${oneDrive}/save`, '{}'],
      ] as const;
      expectRefusal(await send(`GET ${oneDrive.replace(':oid', id)}`), 'validation-failed', 'oid');
      for (const [route, body] of sound) {
        const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`];
        expectRefusal(await send(`POST ${route.replace(':oid', id)}`, headers, body), 'validation-failed', 'oid');
      }
    });

    it.each(badIds)('the folder or document id %s is refused', async (id) => {
      const headers = ['Content-Type: application/json', 'Content-Length: 2'];
      for (const [line, field] of [
        [`GET ${oneDrive}/folders/${id}`, 'fid'],
        [`GET ${oneDrive}/documents/${id}/versions`, 'did'],
        [`POST ${oneDrive}/documents/${id}/save`, 'did'],
        [`POST ${oneDrive}/folders/${id}/versions/512/restore`, 'fid'],
      ] as const) {
        const isPost = line.startsWith('POST');
        expectRefusal(await send(line, isPost ? headers : [], isPost ? '{}' : ''), 'validation-failed', field);
      }
    });

    it.each(['x', '-1', '1.5', '00', '%2e%2e', '99999999999', '0x10', '1%00'])(
      'the version id %s is refused',
      async (id) => {
        for (const item of ['folders/x', 'documents/x']) {
          expectRefusal(await send(`GET ${oneDrive}/${item}/versions/${id}`), 'validation-failed', 'vid');
        }
      },
    );

    it.each(badIds)('the organization id %s is refused', async (id) => {
      const headers = ['Content-Type: application/json', 'Content-Length: 14'];
      const answer = await send(`POST /v5/Organizations/${id}/Action`, headers, '{"explore":{}}');
      expectRefusal(answer, 'validation-failed', 'id');
    });

    it.each(['x', made.slice(1), `${made}0`, `{${made}}`, `${made}%00`, `%2e%2e`, '..%2f..', '0', 'x'.repeat(300)])(
      'the session id %s is refused',
      async (id) => {
        for (const route of [
          'GET /api/v1/restore-sessions/:sid',
          'DELETE /api/v1/restore-sessions/:sid',
          'GET /v5/RestoreSessions/:sid',
          `GET ${oneDrive}`,
        ]) {
          expectRefusal(await send(route.replace(':sid', id)), 'validation-failed', 'sid');
        }
        expectRefusal(await send(`GET /api/v1/operations/${id}`), 'validation-failed', 'id');
      },
    );

    it.each(['%zz', '%', '%c3%28', '%ff', 'x'.repeat(1_100)])(
      'what cannot be decoded or is too long is refused: %s',
      async (id) => {
        for (const route of [`GET ${oneDrive}`, `POST ${v5Action}`]) {
          expectRefusal(await send(route.replace(':oid', id)), 'validation-failed', 'path');
        }
      },
    );

    it.each([
      'GET /api/v1/../v1/organizations',
      'GET /api/v1/%2e%2e/v1/organizations',
      'GET //api/v1/organizations',
      'GET /API/V1/organizations',
      'GET /api/v1/organizations/',
      'GET /v5/Organization%C5%BF',
      'GET /v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Folders',
      'GET /v5/../../v5/Organizations',
      'GET /v8/Organizations',
      'GET /v5/%4frganizations/',
    ])('no other spelling leads to a route: %s', async (line) => {
      expectRefusal(await send(line), 'not-found');
    });

    it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is no method of a route that has others', async (method) => {
      for (const path of ['/api/v1/organizations', '/api/v1/restore-sessions', `${oneDrive}/restore`, v5Action]) {
        expectRefusal(await send(`${method} ${path}`), 'not-found');
      }
    });

    it('a read is no way to act', async () => {
      for (const path of actions) expectRefusal(await send(`GET ${path}`), 'not-found');
    });
  });

  it.each<[string, unknown]>([
    ['none', undefined],
    ['no list', 'x'],
    ['an empty list', []],
    ['101', Array.from({ length: 101 }, (_, i) => `id-${i}`)],
    ['the same twice', ['x', 'x']],
    ['one that leads up', ['x', '../y']],
    ['one that is a number', [1]],
    ['one that is a list', [['x']]],
    ['an object', { 0: 'x' }],
  ])('of several items, %s is refused as ids', async (_case, ids) => {
    for (const route of [`${oneDrive}/documents/restore`, `${oneDrive}/folders/save`]) {
      expectRefusal(await post(route, JSON.stringify({ ids })), 'validation-failed', 'ids');
    }
  });

  it.each(['', 'a\nb', 'a\u202eb', 'x'.repeat(257), 7, null, ['plan'], { query: 'plan' }])(
    'the search for %j is refused',
    async (query) => {
      for (const route of ['/api/v1/restore-sessions/:sid/onedrives/search', `${oneDrive}/search`]) {
        expectRefusal(await post(route, JSON.stringify({ query })), 'validation-failed', 'query');
      }
    },
  );

  describe('in a query', () => {
    const lists = [
      '/api/v1/organizations',
      '/api/v1/restore-sessions',
      '/api/v1/operations',
      '/api/v1/restore-sessions/:sid/onedrives',
      `${oneDrive}/items`,
      `${oneDrive}/documents/x/versions`,
    ];

    it.each([
      ['limit=0', 'limit'],
      ['limit=-1', 'limit'],
      ['limit=1e3', 'limit'],
      ['limit=0x10', 'limit'],
      ['limit=1.5', 'limit'],
      ['limit=1001', 'limit'],
      ['limit=99999999999999999999', 'limit'],
      ['limit=abc', 'limit'],
      ['limit=', 'limit'],
      ['limit=1&limit=2', 'limit'],
      ['limit[]=1', 'limit[]'],
      ['cursor=', 'cursor'],
      ['cursor=x', 'cursor'],
      ['cursor=..%2f', 'cursor'],
      [`cursor=${'x'.repeat(300)}`, 'cursor'],
      [`cursor=${Buffer.from('10.AAAAAAAAAAAAAAAAAAAAAA').toString('base64url')}`, 'cursor'],
      ['cursor=a&cursor=b', 'cursor'],
      ['offset=1', 'offset'],
      ['userPassword=x', 'userPassword'],
    ])('%s is refused', async (query, field) => {
      for (const list of lists) expectRefusal(await send(`GET ${list}?${query}`), 'validation-failed', field);
    });

    it.each([
      ['limit=0', 'limit'],
      ['LIMIT=1e3', 'limit'],
      ['limit=1&Limit=2', 'limit'],
      ['limit=1001', 'limit'],
      ['offset=-1', 'offset'],
      ['Offset=abc', 'offset'],
      ['offset=99999999999', 'offset'],
      ['filter=x', 'filter'],
    ])('%s is refused on the v5 surface', async (query, field) => {
      const answer = await send(`GET /v5/RestoreSessions/:sid/Organization/OneDrives?${query}`);
      expectRefusal(answer, 'validation-failed', field);
    });

    it('the cursor of another caller, session or listing is refused', async () => {
      const helpdesk = await Caller.named('helpdesk-app', world);
      const theirs = await helpdesk.openSession();
      const mine = await oscar.openSession();
      const nextOf = async (caller: Caller, path: string) =>
        ((await caller.get(`${path}?limit=1`)).body as { nextCursor: string }).nextCursor;
      const list = (session: string) => `/api/v1/restore-sessions/${session}/onedrives`;
      const cursor = await nextOf(oscar, list(sid));
      expect(await oscar.get(`${list(sid)}?limit=1&cursor=${cursor}`)).toMatchObject({ status: 200 });
      const foreign = [
        await nextOf(helpdesk, list(theirs)),
        await nextOf(oscar, list(mine)),
        await nextOf(oscar, '/api/v1/restore-sessions'),
      ];
      world.veeam.control.clearReceived();
      for (const other of foreign) {
        expectRefusal(await oscar.get(`${list(sid)}?limit=1&cursor=${other}`), 'validation-failed', 'cursor');
      }
      expectRefusal(await oscar.get(`/api/v1/operations?cursor=${cursor}`), 'validation-failed', 'cursor');
    });
  });

  describe('in headers', () => {
    it.each([
      ['too long', 'x'.repeat(65)],
      ['of other letters', 'id=<script>'],
      ['with spaces', 'a b'],
      ['in UTF-8', 'é'],
      ['empty', ''],
    ])('a request id %s is replaced', async (_case, id) => {
      const answer = await send('GET /no-such-route', [`X-Request-Id: ${id}`]);
      expectProblem(answer, 'not-found');
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    });

    it('two request ids are replaced by one', async () => {
      const answer = await send('GET /no-such-route', ['X-Request-Id: a', 'X-Request-Id: b']);
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('a sound request id is kept', async () => {
      const answer = await send('GET /no-such-route', ['X-Request-Id: Ticket-4711.a_b']);
      expectProblem(answer, 'not-found');
      expect(answer.headers.get('x-request-id')).toBe('Ticket-4711.a_b');
    });

    it.each([
      'wait=abc',
      'wait=-1',
      'wait=1e9',
      'wait',
      'wait=,',
      'respond-async',
      `wait=${'9'.repeat(40)}`,
      '=wait=1',
    ])('the preference %s is ignored', async (prefer) => {
      const hold = world.veeam.control.holdActions();
      const headers = [`Prefer: ${prefer}`, 'Content-Type: application/json', 'Content-Length: 2'];
      const answer = await send(`POST ${oneDrive}/restore`, headers, '{}').finally(() => {
        hold.release();
      });
      expect(answer.status).toBe(202);
      expect(answer.headers.get('preference-applied')).toBeNull();
      // Or it would go upstream in the middle of the next test.
      await oscar.endOf(answer.body.id as string);
    });

    it.each([
      'garbage',
      '00-00000000000000000000000000000000-0000000000000000-01',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x'.repeat(2_000),
    ])('the traceparent %s does not go upstream', async (traceparent) => {
      expect(await oscar.get('/api/v1/organizations', { traceparent })).toMatchObject({ status: 200 });
      const sent = world.veeam.control.received().map(({ headers }) => headers.traceparent);
      expect(sent.length).toBeGreaterThan(0);
      for (const fresh of sent) {
        expect(fresh).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        expect(fresh).not.toContain('4bf92f3577b34da6a3ce929d0e0e4736');
      }
    });

    it('nothing else of the caller goes upstream', async () => {
      const headers = {
        cookie: 'a=b',
        'x-forwarded-for': '10.0.0.1',
        'x-evil': 'evil',
        'accept-language': 'xx',
        via: '1.0 evil',
      };
      await oscar.get('/api/v1/organizations', headers);
      const received = world.veeam.control.received();
      expect(received.length).toBeGreaterThan(0);
      for (const request of received) {
        for (const [name, value] of Object.entries(headers)) expect(request.headers[name]).not.toBe(value);
      }
    });
  });

  describe('in the framing of a request', () => {
    const second = `GET /api/v1/organizations HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer TOKEN\r\n\r\n`;

    it.each([
      ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
      ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
      ['two lengths', ['Content-Length: 5', 'Content-Length: 6']],
      ['a length that is no number', ['Content-Length: 5, 6']],
      ['a negative length', ['Content-Length: -5']],
      ['an unknown coding', ['Transfer-Encoding: xchunked']],
      ['chunks that are not last', ['Transfer-Encoding: chunked, identity']],
      ['a space before the colon', ['Content-Length : 5']],
      ['a line break of its own', ['X-A: b\nTransfer-Encoding: chunked']],
      ['a carriage return in a value', ['Prefer: wait=1\rX-Evil: 1']],
      ['a NUL in a value', ['Prefer: wait=1\0']],
    ])('%s are refused, and what follows is not read as another request', async (_case, framing) => {
      const head = [
        `POST ${pathOf(oneDrive)}/restore HTTP/1.1`,
        'Host: gateway',
        `Authorization: Bearer ${oscar.token}`,
        'Content-Type: application/json',
        ...framing,
      ];
      const bytes = `${head.join('\r\n')}\r\n\r\n0\r\n\r\n${second.replace('TOKEN', oscar.token ?? '')}`;
      const text = await exchangeBytes(world.gateway, bytes);
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(upstreamRequests()).toEqual([]);
    });

    it('a chunk with a broken size is refused', async () => {
      const answer = await send(
        `POST ${oneDrive}/restore`,
        ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
        'zz\r\n{}\r\n0\r\n\r\n',
      );
      expect(answer.status).toBe(400);
      expect(upstreamRequests()).toEqual([]);
    });

    it('a folded header starts no header of its own', async () => {
      const answer = await send('GET /no-such-route', ['X-Request-Id: sound', '\tX-Evil: 1']);
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('x-evil')).toBeNull();
      expect(upstreamRequests()).toEqual([]);
    });
  });
});

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
}

/** Whatever was sent, what comes back is plain printable text of a bounded length. */
function expectHarmless(text: string): void {
  expect(text.length).toBeLessThan(16_384);
  expect(text).toMatch(/^[\x20-\x7e]*$/);
}
