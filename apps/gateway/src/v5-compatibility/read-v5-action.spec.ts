import { inspect } from 'node:util';

import { CredentialsNotAcceptedError, ValidationFailedError } from '@app/problems';
import fc from 'fast-check';

import type { ActionRequest } from '../actions/action-request.js';
import { refuseCredentials } from '../http/credentials.js';
import { parseStrictJson } from '../http/strict-json.js';
import { readV5Action } from './read-v5-action.js';

/** What happens to the text of a body on its way to the action. */
function read(text: string): ActionRequest {
  const body = parseStrictJson(text);
  refuseCredentials(body);
  return readV5Action(body);
}

function fieldsOf(text: string, kind: typeof ValidationFailedError | typeof CredentialsNotAcceptedError): string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof kind) {
      return (error.errors ?? []).map(({ field }) => field);
    }
    throw error;
  }
  throw new Error('accepted');
}

const oneDriveId = '724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11';
const userHref =
  'https://support.north.local:4443/v5/organizations/a602e179-a821-4544-b653-f4aa03b39817/users/00000000-0000-0000-0000-000000000000d6d5c441-6c14-411a-9147-53f31a16d225AQUAAAAAAAUVAAAApgPzBIixQ2kafNW0dAQAAA==';
const printedOneDrive = `{ "id": "${oneDriveId}", "name": "CopyTo User", "url": "http://server/personal/orgUser", "_links": { "self": { "href": "${userHref}/onedrives/${oneDriveId}" }, "user": { "href": "${userHref}" } } }`;

const restore = {
  action: 'restore',
  documentVersion: 'last',
  documentAction: 'keep',
  credentialProfile: undefined,
  userCode: undefined,
  reason: undefined,
};
const copy = {
  action: 'copy',
  target: { oneDriveId },
  folder: undefined,
  documentVersion: 'last',
  documentLastVersionAction: 'merge',
  changedItems: false,
  deletedItems: false,
  restorePermissions: false,
  sendSharedLinksNotification: false,
  credentialProfile: undefined,
  userCode: undefined,
  reason: undefined,
};
const save = { action: 'save', asZip: true, reason: undefined };

describe('The examples of the v5 documentation', () => {
  it.each([
    [
      'user and password',
      '{ "restoreToOriginalLocation" : { "username" : "admin", "userpassword" : "12345678", "DocumentVersion" : "last", "documentAction" : "keep" } }',
      ['restoreToOriginalLocation.username', 'restoreToOriginalLocation.userpassword'],
    ],
    [
      'a certificate, with the id filled in',
      '{ "restoretoOriginallocation": { "ApplicationId" : "2f9a1c1e-6c14-411a-9147-53f31a16d225", "ApplicationCertificate": "MIIKEgIBAzCCCc4GCSqGSIb3DQEHAaCCCb8Eggm7", "ApplicationCertificatePassword": "xxx", "DocumentVersion" : "last", "documentAction" : "keep" } }',
      [
        'restoretoOriginallocation.ApplicationId',
        'restoretoOriginallocation.ApplicationCertificate',
        'restoretoOriginallocation.ApplicationCertificatePassword',
      ],
    ],
    [
      'a copy with user and password',
      `{ "copyTo" : { "username" : "admin", "userpassword" : "12345678", "DocumentVersion" : "last", "documentLastVersionAction" : "Merge", "folder" : "newFolder", "OneDrive" : ${printedOneDrive}, "changedItems" : true, "deletedItems" : true, "restorePermissions" : true } }`,
      ['copyTo.username', 'copyTo.userpassword'],
    ],
  ])('are refused for their credentials: %s', (_, text, fields) => {
    expect(fieldsOf(text, CredentialsNotAcceptedError)).toEqual(fields);
  });

  it.each([
    [
      'a placeholder',
      '{ "restoretoOriginallocation": { "ApplicationId" : <app_id>, "ApplicationCertificate": "MIIK", "ApplicationCertificatePassword": "xxx" } }',
    ],
    ['an ellipsis', '{ "copyTo" : { "username" : "admin", "userpassword" : "12345678", "OneDrive" : .. } }'],
    ['curly quotes', '{ “save” : null }'],
  ])('are refused where they are no JSON: %s', (_, text) => {
    expect(fieldsOf(text, ValidationFailedError)).toEqual(['']);
  });

  it('are read without the credentials, in the printed mix of cases', () => {
    expect(read('{ "restoreToOriginalLocation" : { "DocumentVersion" : "last", "documentAction" : "keep" } }')).toEqual(
      restore,
    );
    expect(
      read(
        `{ "copyTo" : { "DocumentVersion" : "last", "documentLastVersionAction" : "Merge", "folder" : "newFolder", "OneDrive" : ${printedOneDrive}, "changedItems" : true, "deletedItems" : true, "restorePermissions" : true } }`,
      ),
    ).toEqual({ ...copy, folder: 'newFolder', changedItems: true, deletedItems: true, restorePermissions: true });
    expect(read('{ "save": null }')).toEqual(save);
    expect(
      read(
        '{ "sendTo": {"from": "j_smith@bestsupport.onmicrosoft.com", "to": "r.clark@bestsupport.onmicrosoft.com", "subject": "Support Ticket", "text": "Please find attached the files you requested" } }',
      ),
    ).toEqual({
      action: 'send',
      from: 'j_smith@bestsupport.onmicrosoft.com',
      to: 'r.clark@bestsupport.onmicrosoft.com',
      subject: 'Support Ticket',
      text: 'Please find attached the files you requested',
      reason: undefined,
    });
  });

  it('keep a device code as a secret', () => {
    const request = read(
      '{ "restoretoOriginallocation": { "userCode": "C6A9DB737", "DocumentVersion" : "last", "documentAction" : "keep" } }',
    );
    expect(request).toMatchObject({ action: 'restore', documentVersion: 'last', documentAction: 'keep' });
    expect('userCode' in request && request.userCode?.expose()).toBe('C6A9DB737');
    expect(inspect(request) + JSON.stringify(request)).not.toContain('C6A9DB737');
  });
});

describe('What real v5 clients send', () => {
  it.each([
    ['{"save": {"asZip": "true"}}', save],
    ['{"save": {"AsZip": "False"}}', { ...save, asZip: false }],
    ['{"Save": {}}', save],
    ['{"save": {"asZip": null}}', save],
    ['{"restoretooriginallocation": {}}', restore],
    [
      '{"RestoreToOriginalLocation": {"DocumentVersion": "All", "DocumentAction": "OVERWRITE"}}',
      { ...restore, documentVersion: 'all', documentAction: 'overwrite' },
    ],
    [`{"copyTo": {"oneDrive": {"id": "${oneDriveId}"}, "folder": null, "documentVersion": null}}`, copy],
    [
      `{"copyTo": {"onedrive": {"Id": "${oneDriveId}", "Name": 1, "URL": [], "_LINKS": "x", "User": {"Any": {"x": []}}}, "changedItems": "TRUE", "SendSharedLinksNotification": "true"}}`,
      { ...copy, changedItems: true, sendSharedLinksNotification: true },
    ],
    [
      '{"sendTo": {"To": "a@b.example", "Subject": "s", "Text": ""}}',
      { action: 'send', from: undefined, to: 'a@b.example', subject: 's', text: '', reason: undefined },
    ],
  ])('%s is read', (text, request) => {
    expect(read(text)).toEqual(request);
  });
});

describe('What is refused, by its name', () => {
  const target = `"oneDrive": {"id": "${oneDriveId}"}`;

  it.each([
    ['no action', '{}', ['']],
    ['no object', '[]', ['']],
    ['two actions', '{"save": null, "copyTo": {}}', ['save', 'copyTo']],
    [
      'two actions, one of them null',
      '{"restoreToOriginalLocation": {}, "save": null}',
      ['restoreToOriginalLocation', 'save'],
    ],
    ['an unknown action', '{"explode": {}}', ['explode']],
    ['search', '{"search": {"query": "x"}}', ['search']],
    ['an action of the simplified API', '{"restore": {}}', ['restore']],
    ['an action that is no object', '{"restoreToOriginalLocation": null}', ['restoreToOriginalLocation']],
    ['an action that is a list', '{"copyTo": []}', ['copyTo']],
    ['a save that is a word', '{"save": "zip"}', ['save']],
    ['a save that is false', '{"save": false}', ['save']],
    [
      'an unknown property',
      '{"restoreToOriginalLocation": {"officeRegion": "China"}}',
      ['restoreToOriginalLocation.officeRegion'],
    ],
    ['a property of another action', `{"save": {${target}}}`, ['save.oneDrive']],
    [
      'a property of the simplified API',
      '{"restoreToOriginalLocation": {"credentialProfile": "x"}}',
      ['restoreToOriginalLocation.credentialProfile'],
    ],
    [
      'a wrong enum value',
      '{"restoreToOriginalLocation": {"documentVersion": "latest"}}',
      ['restoreToOriginalLocation.documentVersion'],
    ],
    [
      'an enum value in a list',
      '{"restoreToOriginalLocation": {"documentAction": ["keep"]}}',
      ['restoreToOriginalLocation.documentAction'],
    ],
    [
      'two wrong values',
      '{"restoreToOriginalLocation": {"documentVersion": 1, "documentAction": ""}}',
      ['restoreToOriginalLocation.documentVersion', 'restoreToOriginalLocation.documentAction'],
    ],
    ['the same name twice', '{"save": null, "save": null}', ['save']],
    ['the same name in two cases', '{"save": null, "SAVE": null}', ['SAVE']],
    ['__proto__', '{"__Proto__": {"save": null}}', ['__Proto__']],
    ['__proto__ inside', '{"copyTo": {"__PROTO__": {"id": "x"}}}', ['copyTo.__PROTO__']],
    ['constructor', '{"save": {"Constructor": {}}}', ['save.Constructor']],
    [
      'KELVIN SIGN for K',
      '{"restoreToOriginalLocation": {"documentAction": "\u212aeep"}}',
      ['restoreToOriginalLocation.documentAction'],
    ],
    ['LONG S for S', '{"\u017fave": null}', ['\\u017fave']],
    ['LONG S in a property', '{"save": {"a\u017fZip": true}}', ['save.a\\u017fZip']],
    [
      'LONG S in an enum value',
      '{"restoreToOriginalLocation": {"documentVersion": "la\u017ft"}}',
      ['restoreToOriginalLocation.documentVersion'],
    ],
    ['no target', '{"copyTo": {}}', ['copyTo.oneDrive']],
    ['a target that is null', '{"copyTo": {"oneDrive": null}}', ['copyTo.oneDrive']],
    ['a target that is an id', `{"copyTo": {"oneDrive": "${oneDriveId}"}}`, ['copyTo.oneDrive']],
    ['a target that is a list', `{"copyTo": {"oneDrive": [{"id": "${oneDriveId}"}]}}`, ['copyTo.oneDrive']],
    ['a target without id', '{"copyTo": {"oneDrive": {"name": "x"}}}', ['copyTo.oneDrive.id']],
    ['a target with a bad id', '{"copyTo": {"oneDrive": {"id": "../../x"}}}', ['copyTo.oneDrive.id']],
    ['a target with an id of two', '{"copyTo": {"oneDrive": {"id": ["x"]}}}', ['copyTo.oneDrive.id']],
    [
      'an unknown property of the target',
      '{"copyTo": {"oneDrive": {"id": "x", "owner": 1}}}',
      ['copyTo.oneDrive.owner'],
    ],
    ['a folder that leads up', `{"copyTo": {${target}, "folder": "../x"}}`, ['copyTo.folder']],
    ['a boolean that is a number', `{"copyTo": {${target}, "changedItems": 1}}`, ['copyTo.changedItems']],
    ['a boolean that is another word', `{"copyTo": {${target}, "changedItems": "yes"}}`, ['copyTo.changedItems']],
    [
      'CRLF in a mail field',
      '{"sendTo": {"to": "a@b.example\\r\\nBcc: c@d.example", "subject": "s", "text": ""}}',
      ['sendTo.to'],
    ],
    [
      'CRLF in the subject',
      '{"sendTo": {"to": "a@b.example", "subject": "s\\r\\nBcc: x", "text": ""}}',
      ['sendTo.subject'],
    ],
    ['two addresses', '{"sendTo": {"to": "a@b.example;c@d.example", "subject": "s", "text": ""}}', ['sendTo.to']],
    ['a mail without recipient', '{"sendTo": {"to": null, "subject": "s", "text": ""}}', ['sendTo.to']],
    [
      'deep nesting under a member that is read over',
      `{"copyTo": {"oneDrive": {"_links": ${'['.repeat(20)}${']'.repeat(20)}}}}`,
      ['copyTo.oneDrive._links.0.0.0.0.0.0.0.0.0.0.0.0.0'],
    ],
  ])('%s', (_, text, fields) => {
    expect(fieldsOf(text, ValidationFailedError)).toEqual(fields);
  });

  it.each([
    '{"copyTo": {"oneDrive": {"_links": {"userPassword": "s3cret"}}}}',
    '{"save": {"USERNAME": null}}',
    '{"nonsense": [{"applicationID": "s3cret"}]}',
  ])('credentials in %s', (text) => {
    expect(fieldsOf(text, CredentialsNotAcceptedError)).toHaveLength(1);
  });

  it('a duplicate that no strict parser has seen', () => {
    expect(() => readV5Action({ save: { asZip: true, ASZIP: false } })).toThrow(ValidationFailedError);
  });
});

describe('readV5Action', () => {
  const bodies = [
    { restoreToOriginalLocation: { documentVersion: 'all', documentAction: 'overwrite' } },
    {
      copyTo: {
        oneDrive: { id: oneDriveId, name: 'x', url: 'y', _links: { self: { href: 'z' } }, user: null },
        folder: 'New/Folder',
        documentVersion: 'last',
        documentLastVersionAction: 'overwrite',
        changedItems: 'true',
        deletedItems: 'false',
        restorePermissions: true,
        sendSharedLinksNotification: false,
      },
    },
    { sendTo: { from: 'A@b.example', to: 'C@d.example', subject: 'Sub', text: 'Text' } },
    { save: { asZip: 'false' } },
  ];
  const words = new Set(['last', 'all', 'keep', 'overwrite', 'merge', 'true', 'false']);

  /** The same body with the case of every name, enum value and boolean word shuffled. */
  function shuffled(value: unknown, isUpper: () => boolean): unknown {
    const inAnyCase = (text: string) =>
      text.replace(/[a-z]/gi, (letter) => (isUpper() ? letter.toUpperCase() : letter.toLowerCase()));
    if (typeof value === 'string') {
      return words.has(value) ? inAnyCase(value) : value;
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [inAnyCase(key), shuffled(member, isUpper)]),
    );
  }

  it('reads the same request from any mix of cases', () => {
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.infiniteStream(fc.boolean()), (body, coins) => {
        const mixed = shuffled(body, () => coins.next().value === true);
        expect(readV5Action(mixed)).toEqual(readV5Action(body));
      }),
    );
  });

  it('answers any JSON with a request or a ValidationFailedError', () => {
    const names = fc.constantFrom('save', 'copyTo', 'sendTo', 'restoreToOriginalLocation', 'oneDrive', 'id', 'to', 'x');
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.constant(null),
        fc.boolean(),
        fc.array(tie('value')),
        fc.dictionary(names, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (body) => {
        try {
          expect(readV5Action(body)).toHaveProperty('action');
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationFailedError);
          expect((error as ValidationFailedError).errors.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
