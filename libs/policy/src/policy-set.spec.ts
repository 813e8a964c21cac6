import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs';

import { everythingAsked } from '../spec-support/questions.js';
import { defaultPolicyFolder, PolicyEngine, PolicySetError, type PolicyText, readPolicyFiles } from './index.js';

const { schemaText, policies: defaults } = readPolicyFiles(defaultPolicyFolder());

/** `file:line` of each fault, and the whole message. */
function faultsOf(policies: readonly PolicyText[], schema = schemaText): { places: string[]; message: string } {
  try {
    PolicyEngine.load({ schemaText: schema, policies });
  } catch (error) {
    if (error instanceof PolicySetError) {
      return { places: error.faults.map(({ file, line }) => `${file}:${line ?? '-'}`), message: error.message };
    }
    throw error;
  }
  return { places: [], message: '' };
}

const file = (text: string, name = 'a.cedar'): PolicyText => ({ name, text });
const sound = '@id("sound") permit (principal, action, resource);\n';

describe('a set of policies', () => {
  it.each([
    ['cut short', 'permit (principal, action, resour', 'a.cedar:3', 'unexpected'],
    [
      'with a mistake in its syntax',
      'permit (principal, action resource);',
      'a.cedar:3',
      'unexpected token `resource`',
    ],
    [
      'with an unknown action',
      '@id("x") permit (principal, action == Action::"copyy", resource);',
      'a.cedar:3',
      'did you mean `Action::"copy"`?',
    ],
    [
      'with an unknown attribute',
      '@id("x") permit (principal, action, resource)\nwhen { principal.isAdmin };',
      'a.cedar:4',
      'attribute `isAdmin`',
    ],
    [
      'with an unknown type',
      '@id("x") permit (principal is Admin, action, resource);',
      'a.cedar:3',
      'unrecognized entity type',
    ],
    [
      'that compares things of different types',
      '@id("x") permit (principal, action == Action::"send", resource) when { context.senderAllowed == "yes" };',
      'a.cedar:3',
      '',
    ],
    [
      'that reads what is not always there without asking for it',
      '@id("x") permit (principal, action == Action::"save", resource) when { context.reason == "x" };',
      'a.cedar:3',
      'context has reason',
    ],
    [
      'with a word that is not in its list',
      '@id("x") forbid (principal, action == Action::"restore", resource)\n' +
        'when { context.documentAction == DocumentAction::"overwrit" };',
      'a.cedar:4',
      '"overwrite"',
    ],
    [
      'that can never apply',
      '@id("x") forbid (principal, action == Action::"restore", resource is Organization);',
      'a.cedar:3',
      '',
    ],
    ['without an id', 'permit (principal, action, resource);', 'a.cedar:3', 'has no @id'],
    ['with an empty id', '@id("") permit (principal, action, resource);', 'a.cedar:3', 'has no @id'],
    [
      'that takes the name of no policy',
      '@id("default-deny") permit (principal, action, resource);',
      'a.cedar:3',
      'free',
    ],
    [
      'that is a template',
      '@id("x") permit (principal == ?principal, action, resource);',
      'a.cedar:3',
      'templates are not supported',
    ],
    ['that holds comments only', '', 'a.cedar:-', 'holds no policy'],
  ])('is refused with a file %s', (_what, text, place, message) => {
    // Characters of several bytes before it: Cedar counts bytes.
    const { places, message: told } = faultsOf([file(`// für alle €\n\n${text}`), file(sound, 'sound.cedar')]);
    expect(new Set(places)).toEqual(new Set([place]));
    expect(told).toContain(message);
  });

  it('is refused when two policies have one id, in one file or in two', () => {
    const { places, message } = faultsOf([
      file(`${sound}${sound.replace('permit', 'forbid')}`),
      file(`\n\n${sound}`, 'b.cedar'),
    ]);
    expect(places).toEqual(['a.cedar:2', 'b.cedar:3']);
    expect(message).toContain('the id "sound" is taken by a.cedar:1');
  });

  it('is refused when there is no policy at all', () => {
    expect(faultsOf([]).message).toContain('there is no policy');
  });

  it('is refused with every fault of every file at once', () => {
    const { places } = faultsOf([
      file('@id("x") permit (principal, action == Action::"fly", resource);\npermit (principal, action, resource);'),
      file('permit (', 'b.cedar'),
      file('// nothing', 'c.cedar'),
      file(sound, 'd.cedar'),
    ]);
    expect(new Set(places)).toEqual(new Set(['a.cedar:1', 'a.cedar:2', 'b.cedar:1', 'c.cedar:-']));
  });

  it('is refused with a broken schema, and its own mistakes are told all the same', () => {
    const { places } = faultsOf([file('permit (principal, action, resource);')], 'entity A;\n\nentity');
    expect(places).toEqual(['gateway.cedarschema:3', 'a.cedar:1']);
  });

  it('has a digest that tells every change but the order of the files', () => {
    const digest = (policies: PolicyText[], schema = schemaText) =>
      PolicyEngine.load({ schemaText: schema, policies }).digest;
    const other = file('@id("y") forbid (principal, action, resource);', 'b.cedar');
    const digests = [
      digest([file(sound), other]),
      digest([file(sound)]),
      digest([file(`${sound} `), other]),
      digest([file(sound, 'c.cedar'), other]),
      digest([file(sound), other], `${schemaText} `),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    expect(digest([other, file(sound)])).toBe(digests[0]);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the schema', () => {
  it('knows the actions the gateway asks about, and no other', () => {
    const schema = schemaToJson(schemaText);
    const actions = schema.type === 'success' ? Object.keys(schema.json['']?.actions ?? {}) : [];
    const asked = new Set(everythingAsked.map((action) => action.replace(/ .*/, '')));
    expect(actions.sort()).toEqual([...asked, 'act'].sort());
  });

  it('gives every default policy an id', () => {
    expect(PolicyEngine.load({ schemaText, policies: defaults }).policyIds).toHaveLength(18);
  });
});
