import { Secret } from '@app/secrets';
import { inspect } from 'node:util';
import { secretsIn, toForm, toJson } from './body.js';

const body = {
  save: null,
  login: { userName: 'u', userPassword: new Secret('p"1'), folder: undefined },
  list: [new Secret('2')],
};

it('exposes secrets on the wire and nowhere else', () => {
  expect(toJson(body)).toBe('{"save":null,"login":{"userName":"u","userPassword":"p\\"1"},"list":["2"]}');
  expect(inspect(body, { depth: 9 }) + JSON.stringify(body)).not.toContain('p"1');
  expect(toForm({ user: 'a b', password: new Secret('ä&=+') })).toBe('user=a+b&password=%C3%A4%26%3D%2B');
});

it('finds every secret of a body', () => {
  expect(secretsIn(body).map((secret) => secret.expose())).toEqual(['p"1', '2']);
});
