import type { Principal } from '@app/identity';

import { alice, aPerson, audrey, CONTOSO, FABRIKAM, helpdeskApp, mallory, oscar } from '../spec-support/callers.js';
import { type Asked, type Circumstances, question } from '../spec-support/questions.js';
import { defaultPolicyFolder, PolicyEngine, readPolicyFiles } from './index.js';

const engine = PolicyEngine.load(readPolicyFiles(defaultPolicyFolder()));

type Over = Partial<Omit<Circumstances, 'principal'>>;
type Row = [asked: Asked, what: string, over: Over, answer: { allowed: boolean; id: string }];

const allow = (id: string) => ({ allowed: true, id });
const deny = (id: string) => ({ allowed: false, id });
const nothingPermits = deny('default-deny');
const ofAnotherIssuer = deny('issuer-speaks-for-the-organization');
const ofPeople = allow('people-act-on-own-onedrive');
const ofOperators = allow('operators-act-in-their-organizations');

const own: Over = { oneDriveId: 'own', ownOneDrives: ['own'] };
const bobs: Over = { oneDriveId: 'of bob', ownOneDrives: ['own'] };
const fabrikam: Over = { organization: FABRIKAM };
const into = (id: string, organization = CONTOSO): Over => ({ target: { type: 'OneDrive', id, organization } });

const bob = aPerson({ subject: 'bob' });
const strangersAlice = { ...alice, issuer: 'https://evil.example' };
const exContoso = aPerson({ organizations: [FABRIKAM] });
const oscarAuditsFabrikam = { ...oscar, auditorOf: new Set([FABRIKAM]) };
const withoutRole = { ...helpdeskApp, operatorOf: new Set<string>() };
const serviceWithObjectId = aPerson({ kind: 'service' });
const namesOfRoles = { ...mallory, groups: ['operator', CONTOSO], roles: ['operator'], scopes: ['operator'] };

const table: [who: string, Principal, Row[]][] = [
  [
    'alice',
    alice,
    [
      ['listOrganizations', 'at all', {}, allow('everybody-asks-for-organizations')],
      ['listOrganizations of one', 'with an own OneDrive', own, allow('people-open-restore-sessions')],
      ['listOrganizations of one', 'without one', {}, nothingPermits],
      ['openRestoreSession', 'where an own OneDrive is', own, allow('people-open-restore-sessions')],
      ['openRestoreSession', 'where none is', {}, nothingPermits],
      ['useRestoreSession', 'opened herself', {}, allow('everybody-uses-own-restore-sessions')],
      ['useRestoreSession', 'opened by oscar', { owner: oscar }, nothingPermits],
      ['browse', 'her own', own, ofPeople],
      ['restore', 'her own', own, ofPeople],
      ['save', 'her own', own, ofPeople],
      ['save', 'the other OneDrive of a hybrid pair', { oneDriveId: 'b', ownOneDrives: ['a', 'b'] }, ofPeople],
      ['browse', "bob's", bobs, nothingPermits],
      ['restore', "bob's", bobs, nothingPermits],
      ['save', "bob's", bobs, nothingPermits],
      ['browse', 'one whose id differs in case', { oneDriveId: 'OWN', ownOneDrives: ['own'] }, nothingPermits],
      ['browse organization', 'as a whole', own, nothingPermits],
      ['copy', 'her own', { ...own, ...into('own') }, nothingPermits],
      ['send', 'her own', own, nothingPermits],
      ['requestDeviceCode', 'for an own session', own, nothingPermits],
      ['readOperations', 'asked for herself', {}, allow('everybody-reads-own-operations')],
      ['readOperations', 'asked for by bob', { owner: bob }, nothingPermits],
      ['readAuditRecords', 'of contoso', own, nothingPermits],
      ['listCredentialProfiles', 'of contoso', own, nothingPermits],
      ['readSendReadiness', '', own, nothingPermits],
      ['explainPolicy', 'of an own request', {}, allow('everybody-explains-own-requests')],
    ],
  ],
  [
    'the same subject of another issuer',
    strangersAlice,
    [
      ['useRestoreSession', 'opened by alice', { owner: alice }, nothingPermits],
      ['readOperations', 'asked for by alice', { owner: alice }, nothingPermits],
    ],
  ],
  [
    'a person without an object id',
    aPerson({ objectId: undefined }),
    [['save', 'said to be own', own, nothingPermits]],
  ],
  [
    'a person whose issuer does not speak for contoso (any more)',
    exContoso,
    [
      ['openRestoreSession', 'where an own OneDrive is', own, ofAnotherIssuer],
      ['browse', 'an own one', own, ofAnotherIssuer],
      ['save', 'an own one', own, ofAnotherIssuer],
      ['useRestoreSession', 'opened herself', {}, allow('everybody-uses-own-restore-sessions')],
    ],
  ],
  ['a person of no organization', aPerson({ organizations: [] }), [['browse', 'an own one', own, ofAnotherIssuer]]],
  [
    'oscar, operator of contoso and at home in fabrikam too',
    oscar,
    [
      ['listOrganizations of one', 'contoso', {}, ofOperators],
      ['listOrganizations of one', 'fabrikam', fabrikam, nothingPermits],
      ['openRestoreSession', 'in contoso', {}, ofOperators],
      ['openRestoreSession', 'in fabrikam', fabrikam, nothingPermits],
      ['browse organization', 'contoso', {}, ofOperators],
      ['browse organization', 'fabrikam', fabrikam, nothingPermits],
      ['browse', "bob's", {}, ofOperators],
      ['restore', "bob's", {}, ofOperators],
      ['restore', "bob's, in contoso spelt in capitals", { organization: CONTOSO.toUpperCase() }, ofOperators],
      ['save', "bob's", {}, ofOperators],
      ['browse', 'in fabrikam', fabrikam, nothingPermits],
      ['restore', 'in fabrikam', fabrikam, nothingPermits],
      ['save', 'in fabrikam', fabrikam, nothingPermits],
      ['save', 'his own in fabrikam', { ...own, ...fabrikam }, ofPeople],
      ['copy', "bob's into another", {}, allow('operators-copy')],
      ['copy', "bob's into his own", { ...into('own'), ownOneDrives: ['own'] }, allow('operators-copy')],
      ['copy', "bob's into itself", { ...bobs, ...into('of bob') }, allow('operators-copy')],
      ['copy', 'contoso into fabrikam', into('target', FABRIKAM), deny('copy-stays-in-the-organization')],
      ['copy', 'fabrikam into contoso', { ...fabrikam, ...into('x') }, deny('copy-stays-in-the-organization')],
      ['copy', 'in fabrikam', fabrikam, nothingPermits],
      ['copy', 'his own in fabrikam', { ...own, ...fabrikam, ...into('own', FABRIKAM) }, nothingPermits],
      ['send', "bob's", {}, allow('operators-send')],
      ['send', 'to a stranger', { recipientAllowed: false }, deny('send-to-an-allowed-recipient')],
      ['send', "from another's address", { senderAllowed: false }, deny('send-from-an-allowed-sender')],
      ['send', 'in fabrikam', fabrikam, nothingPermits],
      ['requestDeviceCode', 'in contoso', {}, allow('operators-request-device-codes')],
      ['requestDeviceCode', 'in fabrikam', fabrikam, nothingPermits],
      ['listCredentialProfiles', 'of contoso', {}, allow('operators-list-credential-profiles')],
      ['listCredentialProfiles', 'of fabrikam', fabrikam, nothingPermits],
      ['readSendReadiness', '', {}, allow('operators-read-send-readiness')],
      ['readAuditRecords', 'of contoso', {}, nothingPermits],
    ],
  ],
  [
    'an operator of contoso who is auditor of fabrikam',
    oscarAuditsFabrikam,
    [
      ['restore', 'in contoso', {}, ofOperators],
      ['restore', 'in fabrikam', fabrikam, nothingPermits],
      ['readAuditRecords', 'of contoso', {}, nothingPermits],
      ['readAuditRecords', 'of fabrikam', fabrikam, allow('auditors-read-the-trail')],
    ],
  ],
  [
    'an operator whose issuer does not speak for contoso (any more)',
    { ...oscar, organizations: [FABRIKAM] },
    [
      ['restore', 'in contoso', {}, ofAnotherIssuer],
      ['requestDeviceCode', 'in contoso', {}, ofAnotherIssuer],
    ],
  ],
  [
    'helpdesk-app, a service and operator of contoso',
    helpdeskApp,
    [
      ['restore', "bob's", {}, ofOperators],
      ['copy', "bob's", {}, allow('operators-copy')],
      ['restore', 'in fabrikam', fabrikam, ofAnotherIssuer],
    ],
  ],
  ['a service without a role', withoutRole, [['browse', 'said to be its own', own, nothingPermits]]],
  [
    'a service with an object id',
    serviceWithObjectId,
    [
      ['browse', 'said to be its own', own, nothingPermits],
      ['openRestoreSession', 'where one is said to be its own', own, nothingPermits],
    ],
  ],
  [
    'audrey, auditor of contoso',
    audrey,
    [
      ['readAuditRecords', 'of contoso', {}, allow('auditors-read-the-trail')],
      ['readAuditRecords', 'of fabrikam', fabrikam, ofAnotherIssuer],
      ['openRestoreSession', 'in contoso', {}, nothingPermits],
      ['browse organization', 'contoso', {}, nothingPermits],
      ['browse', "bob's", {}, nothingPermits],
      ['restore', "bob's", {}, nothingPermits],
    ],
  ],
  [
    'mallory, with a valid token and nothing else',
    mallory,
    [
      ['listOrganizations', 'at all', {}, allow('everybody-asks-for-organizations')],
      ['listOrganizations of one', 'contoso', {}, nothingPermits],
      ['openRestoreSession', 'in contoso', {}, nothingPermits],
      ['browse', "bob's", {}, nothingPermits],
      ['restore', "bob's", {}, nothingPermits],
      ['copy', "bob's", {}, nothingPermits],
      ['send', "bob's", {}, nothingPermits],
      ['save', "bob's", {}, nothingPermits],
      ['requestDeviceCode', 'for an own session', {}, nothingPermits],
      ['readAuditRecords', 'of contoso', {}, nothingPermits],
      ['listCredentialProfiles', 'of contoso', {}, nothingPermits],
      ['readSendReadiness', '', {}, nothingPermits],
    ],
  ],
  ['mallory, with names of roles in the token', namesOfRoles, [['restore', "bob's", {}, nothingPermits]]],
];

describe.each(table)('by the default policies, %s', (_who, principal, rows) => {
  it.each(rows)('asking to %s: %s', (asked, _what, over, { allowed, id }) => {
    expect(engine.decide(question(asked, principal, over))).toEqual({ allowed, policies: [id], errors: [] });
  });
});

describe('the first stage, by the default policies', () => {
  const everybody = ['listOrganizations', 'useRestoreSession', 'readOperations', 'explainPolicy'] as const;
  const owners = ['openRestoreSession', 'browse', 'restore', 'save'] as const;
  const operators = ['copy', 'send', 'requestDeviceCode', 'listCredentialProfiles', 'readSendReadiness'] as const;
  const auditors = ['readAuditRecords'] as const;
  const all = [...everybody, ...owners, ...operators, ...auditors];

  it.each([
    ['alice', alice, [...everybody, ...owners]],
    ['mallory, who could own a OneDrive as far as her token tells', mallory, [...everybody, ...owners]],
    ['oscar', oscar, [...everybody, ...owners, ...operators]],
    ['helpdesk-app', helpdeskApp, [...everybody, ...owners, ...operators]],
    ['audrey', audrey, [...everybody, ...owners, ...auditors]],
    ['a service without a role', withoutRole, [...everybody]],
    ['a person without an object id', aPerson({ objectId: undefined }), [...everybody]],
    ['a person of no organization', aPerson({ organizations: [] }), [...everybody]],
  ])('lets %s pass for what there could be something for', (_who, principal, passes) => {
    expect(all.filter((action) => engine.firstStage(principal, action).allowed)).toEqual(passes);
  });
});
