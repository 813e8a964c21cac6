import { readActor } from './actor.js';

const ISSUER = 'https://sso.example';
const chainOf = (length: number): object => ({
  sub: `actor-${length}`,
  ...(length > 1 && { act: chainOf(length - 1) }),
});

describe('the actor', () => {
  it.each([
    [{ sub: 'helpdesk-app' }, { issuer: ISSUER, subject: 'helpdesk-app', clientId: undefined }],
    [
      { sub: 'oscar', iss: 'https://other.example', client_id: 'helpdesk-app' },
      { issuer: 'https://other.example', subject: 'oscar', clientId: 'helpdesk-app' },
    ],
    [
      { sub: 'a', act: { sub: 'b', act: { sub: 'c' } } },
      { issuer: ISSUER, subject: 'a', clientId: undefined },
    ],
    [chainOf(4), { issuer: ISSUER, subject: 'actor-4', clientId: undefined }],
  ])('of %j is the outermost one', (act, actor) => {
    expect(readActor({ sub: 'alice', act }, ISSUER)).toEqual(actor);
  });

  it.each([{}, { may_act: { sub: 'helpdesk-app' } }, { actor: { sub: 'helpdesk-app' } }])('is none in %j', (claims) => {
    expect(readActor(claims, ISSUER)).toBeUndefined();
  });

  it.each<unknown>([
    null,
    'helpdesk-app',
    [{ sub: 'helpdesk-app' }],
    {},
    { client_id: 'helpdesk-app' },
    { sub: '' },
    { sub: 7 },
    { sub: 'help\ndesk' },
    { sub: 'a'.repeat(256) },
    { sub: 'a', iss: 7 },
    { sub: 'a', iss: null },
    { sub: 'a', client_id: '' },
    { sub: 'a', client_id: ['b'] },
    { sub: 'a', act: null },
    { sub: 'a', act: { sub: 7 } },
    { sub: 'a', act: { sub: 'b', act: {} } },
    chainOf(5),
  ])('makes a token unsound when it is %j', (act) => {
    expect(() => readActor({ act }, ISSUER)).toThrow(expect.objectContaining({ refusal: 'unsound-claims' }));
  });
});
