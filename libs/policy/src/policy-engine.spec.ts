import fc from 'fast-check';

import { alice, aPerson, CONTOSO, FABRIKAM, helpdeskApp, mallory, oscar } from '../spec-support/callers.js';
import { everythingAsked, question } from '../spec-support/questions.js';
import { defaultPolicyFolder, PolicyEngine, readPolicyFiles } from './index.js';

const { schemaText, policies: defaults } = readPolicyFiles(defaultPolicyFolder());

const by = (text: string) => PolicyEngine.load({ schemaText, policies: [{ name: 'test.cedar', text }] });
const defaultsAnd = (text: string) =>
  PolicyEngine.load({ schemaText, policies: [...defaults, { name: 'test.cedar', text }] });

const overflow = '9223372036854775807 + 1 == 0';
const failing = `@id("failing") forbid (principal, action, resource) when { ${overflow} };`;

describe('a decision', () => {
  it('is a deny where a policy forbids what others permit', () => {
    const engine = defaultsAnd(
      `@id("legal-hold") forbid (principal, action, resource == OneDrive::"held");
       @id("freeze") forbid (principal, action in Action::"act", resource) unless { context has reason };
       @id("open-to-all") permit (principal, action, resource);`,
    );
    const restore = (over: object) => engine.decide(question('restore', oscar, over));
    expect(restore({ oneDriveId: 'held', reason: 'T-1' })).toEqual({
      allowed: false,
      policies: ['legal-hold'],
      errors: [],
    });
    expect(restore({ oneDriveId: 'held' })).toMatchObject({ allowed: false, policies: ['freeze', 'legal-hold'] });
    expect(restore({ oneDriveId: 'other', reason: 'T-1' })).toMatchObject({
      allowed: true,
      policies: ['open-to-all', 'operators-act-in-their-organizations'],
    });
  });

  it('is a deny when a policy fails, whatever others permit', () => {
    const decision = defaultsAnd(failing).decide(question('restore', oscar));
    expect(decision).toEqual({
      allowed: false,
      policies: ['failing'],
      errors: [expect.stringMatching(/^failing: .*overflow/)],
    });
  });

  it('names the forbids rather than the failures when there are both', () => {
    const engine = by(`${failing} @id("never") forbid (principal, action, resource);`);
    const decision = engine.decide(question('restore', oscar));
    expect(decision).toMatchObject({ allowed: false, policies: ['never'] });
    expect(decision.errors).toHaveLength(1);
  });

  it('reads the time, the item, the options and the e-mail address', () => {
    const engine = by(`
      @id("x") permit (principal, action == Action::"restore", resource in Organization::"${CONTOSO}")
      when {
        context.time.toTime() >= duration("8h") && context.time < datetime("2026-01-16") &&
        context.itemKind == ItemKind::"document" && context.documentAction == DocumentAction::"keep" &&
        !(context has credentialProfile) && principal has email && principal.email.isVerified &&
        principal.email.address like "*@${CONTOSO}" && principal.groups.contains("it") && !principal.isService
      };`);
    const principal = aPerson({ groups: ['it'] });
    expect(engine.decide(question('restore', principal))).toMatchObject({ allowed: true });
    expect(engine.decide(question('restore', mallory))).toMatchObject({ allowed: false, errors: [] });
    expect(engine.decide(question('restore', principal, { organization: FABRIKAM }))).toMatchObject({ allowed: false });
  });
});

describe('names made to mislead', () => {
  const engine = PolicyEngine.load({ schemaText, policies: defaults });
  const hostile = [
    '"',
    '\\',
    '\\"',
    '"; permit(principal, action, resource); //',
    'own"]) || true || (["',
    'OneDrive::"own"',
    'Organization::"contoso.onmicrosoft.com"',
    '{"__entity":{"type":"OneDrive","id":"own"}}',
    '__proto__',
    'own\u0000',
    'own ',
    'OWN',
    'o\u200bwn',
    'ow\u0578', // an Armenian letter that looks like n
    'o\u0308wn',
    '',
    '😀',
  ];

  it.each(hostile)('are a OneDrive like any other: %j', (oneDriveId) => {
    const owns = (ownOneDrives: string[]) => engine.decide(question('save', alice, { oneDriveId, ownOneDrives }));
    expect(owns(['own'])).toEqual({ allowed: false, policies: ['default-deny'], errors: [] });
    expect(owns([oneDriveId])).toEqual({ allowed: true, policies: ['people-act-on-own-onedrive'], errors: [] });
  });

  it.each(hostile)('are an organization like any other: %j', (organization) => {
    expect(engine.decide(question('restore', oscar, { organization }))).toMatchObject({ allowed: false, errors: [] });
  });

  it.each(hostile)('are no other caller: %j', (subject) => {
    const owner = { issuer: alice.issuer, subject: 'own' };
    const principal = aPerson({ subject, groups: [subject] });
    expect(engine.decide(question('useRestoreSession', principal, { owner }))).toMatchObject({
      allowed: false,
      errors: [],
    });
    expect(engine.decide(question('useRestoreSession', principal))).toMatchObject({ allowed: true });
  });

  it('do not let issuer and subject flow into each other', () => {
    const principal = aPerson({ issuer: 'https://a', subject: 'b","c' });
    const owner = { issuer: 'https://a","b', subject: 'c' };
    expect(engine.decide(question('useRestoreSession', principal, { owner }))).toMatchObject({ allowed: false });
  });

  it('are refused when they are no Unicode, for two of them would look the same to Cedar', () => {
    const decision = engine.decide(question('save', alice, { oneDriveId: 'x\ud800', ownOneDrives: ['x\ud801'] }));
    expect(decision).toEqual({
      allowed: false,
      policies: ['evaluation-error'],
      errors: [expect.stringContaining('not well-formed Unicode')],
    });
    expect(engine.firstStage(aPerson({ subject: '\udc00' }), 'browse')).toEqual({
      allowed: false,
      policies: ['evaluation-error'],
    });
    expect(engine.decide(question('browse', aPerson({ groups: ['\ud800'] }))).policies).toEqual(['evaluation-error']);
  });

  it('never own what differs from the own id in anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (oneDriveId, own) => {
        const decision = engine.decide(question('save', alice, { oneDriveId, ownOneDrives: [own] }));
        expect(decision).toMatchObject({ allowed: oneDriveId === own, errors: [] });
      }),
    );
  });

  it('cannot put one OneDrive into two organizations', () => {
    const target = { type: 'OneDrive', id: 'twin', organization: FABRIKAM } as const;
    const decision = engine.decide(question('copy', oscar, { oneDriveId: 'twin', target }));
    expect(decision).toMatchObject({ allowed: false, policies: ['evaluation-error'] });
    expect(decision.errors[0]).toContain('one thing in two ways');
  });
});

describe('the first stage', () => {
  const passes = (text: string, principal = alice) => by(text).firstStage(principal, 'copy').allowed;

  it.each([
    ['permitted to all', '@id("x") permit (principal, action, resource);'],
    ['permitted by the group of actions', '@id("x") permit (principal, action in Action::"act", resource);'],
    [
      'permitted on a certain thing',
      '@id("x") permit (principal, action == Action::"copy", resource == OneDrive::"a");',
    ],
    [
      'permitted under circumstances',
      '@id("x") permit (principal, action == Action::"copy", resource)\n' +
        'when { context has reason && context.reason like "T-*" && !context.restorePermissions };',
    ],
    [
      'permitted unless something is the case',
      '@id("x") permit (principal, action == Action::"copy", resource) unless { context has credentialProfile };',
    ],
    [
      'permitted on the own OneDrive',
      '@id("x") permit (principal, action == Action::"copy", resource) when { principal.owns.contains(resource) };',
    ],
    [
      'permitted to who owns none, which is not known yet',
      '@id("x") permit (principal, action == Action::"copy", resource) when { principal.owns.isEmpty() };',
    ],
    [
      'permitted by one way of two',
      '@id("x") permit (principal, action == Action::"copy", resource)\n' +
        'when { resource in principal.operatorOf || resource in principal.owns };',
    ],
    [
      'forbidden on some things',
      '@id("x") permit (principal, action, resource);\n' +
        '@id("y") forbid (principal, action == Action::"copy", resource is OneDrive) unless { context has reason };',
    ],
    [
      'permitted by a policy that fails without the thing',
      `@id("x") permit (principal, action == Action::"copy", resource)
       when { (context.restorePermissions || resource == OneDrive::"a") && (9007199254740991 * 9007199254740991 == 0 || context has reason) };`,
    ],
    [
      'permitted by a number that JavaScript cannot tell from its neighbour',
      '@id("x") permit (principal, action == Action::"copy", resource)\n' +
        'when { 9007199254740993 != 9007199254740992 && context has reason };',
    ],
    [
      'permitted by a comparison of records, however their members are called',
      `@id("x") permit (principal, action == Action::"copy", resource)
       when { {Value: context.restorePermissions, Var: "principal"} == {Value: true, Var: "principal"} };`,
    ],
  ])('lets pass what may be %s', (_what, text) => {
    expect(passes(text)).toBe(true);
  });

  it.each([
    ['not permitted at all', '@id("x") permit (principal, action == Action::"browse", resource);'],
    [
      'permitted to operators only',
      '@id("x") permit (principal, action == Action::"copy", resource) when { resource in principal.operatorOf };',
    ],
    [
      'permitted to operators only, in other words',
      '@id("x") permit (principal, action == Action::"copy", resource)\n' +
        'when { context has reason && principal.operatorOf.contains(resource.organization) };',
    ],
    [
      'permitted to a group only',
      '@id("x") permit (principal, action in Action::"act", resource)\n' +
        'when { principal.groups.contains("it") && resource in principal.owns };',
    ],
    [
      'permitted to services only',
      '@id("x") permit (principal, action == Action::"copy", resource)\n' +
        'when { principal.isService } unless { context has reason };',
    ],
    [
      'forbidden to such a caller altogether',
      '@id("x") permit (principal, action, resource);\n' +
        '@id("y") forbid (principal, action == Action::"copy", resource) unless { principal.isService };',
    ],
  ])('refuses at once what is %s', (_what, text) => {
    expect(passes(text)).toBe(false);
  });

  it('refuses everything once everything is forbidden', () => {
    const engine = defaultsAnd('@id("emergency-stop") forbid (principal, action, resource);');
    const actions = everythingAsked.map((asked) => question(asked, oscar).action);
    expect(actions.filter((action) => engine.firstStage(oscar, action).allowed)).toEqual([]);
  });

  it('names the forbids that decide whatever the thing, and those only', () => {
    const engine = by(
      `@id("permit") permit (principal, action, resource);
       @id("no-services") forbid (principal, action == Action::"copy", resource) when { principal.isService };
       @id("freeze") forbid (principal, action in Action::"act", resource);
       @id("by-the-thing") forbid (principal, action, resource) when { resource == OneDrive::"a" };`,
    );
    expect(engine.firstStage(helpdeskApp, 'copy')).toEqual({ allowed: false, policies: ['freeze', 'no-services'] });
    expect(engine.firstStage(alice, 'copy')).toEqual({ allowed: false, policies: ['freeze'] });
    expect(engine.firstStage(alice, 'browse')).toMatchObject({ allowed: true });
  });

  it('says so when it is only that nothing permits', () => {
    const engine = by('@id("x") permit (principal, action == Action::"browse", resource);');
    expect(engine.firstStage(alice, 'copy')).toEqual({ allowed: false, policies: ['default-deny'] });
  });
});

describe('a set that is loaded again', () => {
  const permit = '@id("x") permit (principal, action == Action::"browse", resource);';

  it('is not checked again, whatever was loaded in between, and decides as before', () => {
    const engine = by(permit);
    expect(by(permit.replace('browse', 'copy')).firstStage(alice, 'browse').allowed).toBe(false);
    expect(by(permit)).toBe(engine);
    expect(by(permit).firstStage(alice, 'browse').allowed).toBe(true);
  });

  it('is another one under another schema or under other names', () => {
    const engine = by(permit);
    expect(PolicyEngine.load({ schemaText, policies: [{ name: 'other.cedar', text: permit }] })).not.toBe(engine);
    const otherSchema = { schemaText: `${schemaText}\n`, policies: [{ name: 'test.cedar', text: permit }] };
    expect(PolicyEngine.load(otherSchema)).not.toBe(engine);
  });

  it('is refused again when it was refused', () => {
    const broken = () => by('@id("x") permit (principal, action == Action::"fly", resource);');
    expect(broken).toThrow(/fly/);
    expect(broken).toThrow(/fly/);
  });
});
