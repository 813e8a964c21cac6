import fc from 'fast-check';

import { canonicalizeV5Path, v5Paths } from './v5-paths.js';

const sid = '61954db6-7278-4d26-86f7-888bda5a4ec4';
const oid = '724011C3-a540-4684-b24f-3e2ab4ef6380DF26ea7d-6468-4846-bdf5-4e88d871ed11';

describe('canonicalizeV5Path', () => {
  it.each([
    ['/v5/organizations', '/v5/Organizations'],
    ['/V5/ORGANIZATIONS', '/v5/Organizations'],
    ['/v5/organizations/AbC/action', '/v5/Organizations/AbC/Action'],
    [`/V5/restoresessions/${sid}`, `/v5/RestoreSessions/${sid}`],
    [`/v5/restoresessions/${sid}/ACTION`, `/v5/RestoreSessions/${sid}/Action`],
    [`/v5/restoresessions/${sid}/organization/onedrives`, `/v5/RestoreSessions/${sid}/Organization/OneDrives`],
    [
      `/v5/restoresessions/${sid}/organization/onedrives/${oid}/action`,
      `/v5/RestoreSessions/${sid}/Organization/OneDrives/${oid}/Action`,
    ],
    [
      `/v5/RestoreSessions/${sid}/Organization/RestoreDeviceCode`,
      `/v5/RestoreSessions/${sid}/organization/restoreDeviceCode`,
    ],
    ['/v5/organizations/action/Action', '/v5/Organizations/action/Action'],
    ['/v5/organizations/A%2fB%2B%3D/action', '/v5/Organizations/A%2fB%2B%3D/Action'],
    ['/v5/organizations/../action', '/v5/Organizations/../Action'],
    ['/v5/organizations?Limit=5&OFFSET=10&Name=A', '/v5/Organizations?limit=5&offset=10&Name=A'],
    ['/v5/organizations?limit=1&LIMIT=2', '/v5/Organizations?limit=1&limit=2'],
    ['/v5/organizations?LIMIT&x=Limit?LIMIT=', '/v5/Organizations?limit&x=Limit?LIMIT='],
    ['/v5/organizations?', '/v5/Organizations?'],
  ])('writes %s as %s', (url, canonical) => {
    expect(canonicalizeV5Path(url)).toBe(canonical);
  });

  it.each([
    '',
    '/',
    '*',
    '/v5',
    '/v5/',
    '/v5/organizations/',
    '/v5//organizations',
    '//v5/organizations',
    '/v5/organizations//action',
    '/v6/organizations',
    '/v5x/organizations',
    '/api/v1/Restore-Sessions?LIMIT=1',
    '/api/v5/organizations',
    '/HEALTH/live',
    '/v5/%4frganizations',
    '/%765/organizations',
    '/v5/organi\u017fations',
    '/v5/re\u017ftoresessions/x',
    '/v5/organizations/x/action/y',
    '/v5/organizations;LIMIT=1',
    'http://host/v5/organizations',
  ])('leaves %s alone', (url) => {
    expect(canonicalizeV5Path(url)).toBe(url);
  });

  const segment = fc.stringMatching(/^[A-Za-z0-9%+=_.~-]{1,12}$/);
  const mixedCase = (text: string) =>
    fc
      .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
      .map((upper) =>
        text.replace(/./g, (letter, at: number) => (upper[at] ? letter.toUpperCase() : letter.toLowerCase())),
      );

  it('finds the route in any case and keeps every id and query byte for byte', () => {
    const request = fc.constantFrom(...v5Paths).chain((template) => {
      const parts = template
        .split('/')
        .map((part) =>
          part.startsWith(':')
            ? segment.map((id) => ({ written: id, canonical: id }))
            : mixedCase(part).map((written) => ({ written, canonical: part })),
        );
      return fc.tuple(...parts);
    });
    fc.assert(
      fc.property(request, fc.stringMatching(/^(\?q=[A-Za-z0-9%&=]{0,10})?$/), (parts, query) => {
        const url = parts.map(({ written }) => written).join('/') + query;
        const expected = parts.map(({ canonical }) => canonical).join('/');
        expect(canonicalizeV5Path(url).split('?')[0]).toBe(expected);
        expect(canonicalizeV5Path(url).toLowerCase()).toBe(url.toLowerCase());
      }),
    );
  });

  it('is idempotent', () => {
    const words = fc.constantFrom('v5', 'V5', 'organizations', 'Action', 'restoreSESSIONS', 'x', '', '..', 'OneDrives');
    fc.assert(
      fc.property(fc.array(words, { maxLength: 7 }), fc.string(), (parts, tail) => {
        const once = canonicalizeV5Path(`/${parts.join('/')}${tail}`);
        expect(canonicalizeV5Path(once)).toBe(once);
      }),
    );
  });
});
