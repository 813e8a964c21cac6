import type { Principal } from '@app/identity';
import fc from 'fast-check';

import { aPerson, CONTOSO, FABRIKAM } from '../spec-support/callers.js';
import { type Circumstances, everythingAsked, question } from '../spec-support/questions.js';
import { defaultPolicyFolder, type PolicyQuestion, PolicyEngine, readPolicyFiles } from './index.js';

const engine = PolicyEngine.load(readPolicyFiles(defaultPolicyFolder()));
// Random questions are about few names, so that they hit as often as they miss.
const organization = fc.constantFrom(CONTOSO, FABRIKAM, 'third.example');
const organizations = fc.uniqueArray(organization);
const oneDriveId = fc.constantFrom('a', 'b', 'c');

const principals: fc.Arbitrary<Principal> = fc
  .record({
    subject: fc.constantFrom('alice', 'bob'),
    issuer: fc.constantFrom('https://one.example', 'https://two.example'),
    kind: fc.constantFrom<Principal['kind']>('person', 'service'),
    objectId: fc.constantFrom(undefined, 'oid'),
    organizations,
    operatorOf: organizations.map((names) => new Set(names)),
    auditorOf: organizations.map((names) => new Set(names)),
    groups: fc.array(fc.string()),
  })
  .map(aPerson);

const circumstances: fc.Arbitrary<Omit<Circumstances, 'principal'>> = fc.record({
  ownOneDrives: fc.uniqueArray(oneDriveId, { maxLength: 2 }),
  organization,
  oneDriveId,
  target: fc.record({ type: fc.constant('OneDrive' as const), id: fc.constantFrom('d', 'e'), organization }),
  owner: principals,
  reason: fc.constantFrom(undefined, 'TICKET-1'),
  reasonAccepted: fc.boolean(),
  senderAllowed: fc.boolean(),
  recipientAllowed: fc.boolean(),
});

/** The default policies once more, in another language, to be compared with. */
function isAllowed({ principal, ownOneDrives, ...asking }: PolicyQuestion, target: Circumstances['target']): boolean {
  const canOwn = principal.kind === 'person' && principal.objectId !== undefined && principal.organizations.length > 0;
  const { resource } = asking;
  if (resource.type === 'Gateway') {
    return asking.action !== 'readSendReadiness' || principal.operatorOf.size > 0;
  }
  const tenant = resource.type === 'Organization' ? resource.name : resource.organization;
  const operates = principal.operatorOf.has(tenant);
  const isAtHome = principal.organizations.includes(tenant);
  const isOwn = resource.type === 'OneDrive' && canOwn && ownOneDrives.includes(resource.id);
  switch (asking.action) {
    case 'listOrganizations':
      return operates || (canOwn && ownOneDrives.length > 0);
    case 'openRestoreSession':
      return isAtHome && (operates || (canOwn && ownOneDrives.length > 0));
    case 'browse':
    case 'restore':
    case 'save':
      return isAtHome && (operates || isOwn);
    case 'copy':
      return isAtHome && operates && target.organization === tenant;
    case 'send':
      return isAtHome && operates && asking.context.senderAllowed && asking.context.recipientAllowed;
    case 'requestDeviceCode':
    case 'listCredentialProfiles':
      return isAtHome && operates;
    case 'readAuditRecords':
      return isAtHome && principal.auditorOf.has(tenant);
    case 'useRestoreSession':
    case 'readOperations':
      return asking.resource.owner.issuer === principal.issuer && asking.resource.owner.subject === principal.subject;
    case 'readSendReadiness':
    case 'explainPolicy':
      return false;
  }
}

const runs = { numRuns: 1_000 };

describe('the default policies', () => {
  it('decide as a plain function of the same rules does, whatever is asked', () => {
    let allowed = 0;
    fc.assert(
      fc.property(principals, fc.constantFrom(...everythingAsked), circumstances, (principal, asked, over) => {
        const asking = question(asked, principal, over);
        const decision = engine.decide(asking);
        allowed += decision.allowed ? 1 : 0;
        expect(decision.errors).toEqual([]);
        expect(decision.allowed).toBe(isAllowed(asking, over.target));
      }),
      runs,
    );
    // Or the random questions would all be of one kind.
    expect(allowed).toBeGreaterThan(runs.numRuns / 4);
    expect(allowed).toBeLessThan((runs.numRuns * 3) / 4);
  });

  it('allow nothing that the first stage would have refused', () => {
    fc.assert(
      fc.property(principals, fc.constantFrom(...everythingAsked), circumstances, (principal, asked, over) => {
        const asking = question(asked, principal, over);
        fc.pre(engine.decide(asking).allowed);
        expect(engine.firstStage(principal, asking.action).allowed).toBe(true);
      }),
      runs,
    );
  });
});
