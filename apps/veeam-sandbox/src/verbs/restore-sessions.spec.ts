import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso } from '../people.js';

describe('v8 restore sessions', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn('v8');
  });
  afterAll(() => client.close());

  const explore = `/v8/Organizations/${contoso.id}/explore`;
  const idOf = (path: string) => path.split('/').at(-1) ?? '';

  it('opens one with 201 and says so in its first event', async () => {
    const reply = await client.post(explore, { DateTime: '2099-01-01T10:00:00Z', type: 'veod', showDeleted: true });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({ type: 'Veod', state: 'Working', initiatedBy: client.sandbox.username });
    const { results } = (await client.get(reply.json._links.events.href)).json;
    expect(results).toMatchObject([{ type: 'None', status: 'Success', title: 'Restore session started', order: 0 }]);
    expect((await client.get(results[0]._links.self.href)).json).toMatchObject({ id: results[0].id, order: 0 });
  });

  it.each([
    ['a moment that is not ISO 8601', { dateTime: '2026.01.02 03:04:05' }, 400, 'ParameterValidationFailure'],
    ['a text for a boolean', { showDeleted: 'true' }, 400, 'ParameterValidationFailure'],
    ['a trailing comma', '{"showDeleted": true, }', 400, 'ParameterValidationFailure'],
    ['no body', '', 400, 'ParameterValidationFailure'],
    ['an Explorer that is not installed', { type: 'Vex' }, 500, 'HttpError'],
  ])('refuses %s', async (_, body, status, errorCode) => {
    const reply = await client.post(explore, body);
    expect([reply.status, reply.json.errorCode]).toEqual([status, errorCode]);
  });

  it('refuses a form', async () => {
    const reply = await client.form(explore, { type: 'Veod' });
    expect([reply.status, reply.json.errorCode]).toEqual([415, 'HttpError']);
  });

  it('stops one with 204, after which looking into it is 500 and reading it is not', async () => {
    const session = await client.explore(contoso.id);
    expect((await client.get(`${session}/organization`)).json).toMatchObject({ id: contoso.id, type: 'Office365' });
    const stopped = await client.send('POST', `${session}/Stop`);
    expect([stopped.status, stopped.text]).toEqual([204, '']);
    expect((await client.get(`${session}/Organization/OneDrives`)).status).toBe(500);
    expect((await client.get(session)).json).toMatchObject({ state: 'Stopped', endTime: expect.any(String) });
    expect((await client.send('POST', `${session}/Stop`)).status).toBe(204);
  });

  it('answers 404 to an unknown one, and to one that it was told to forget', async () => {
    const session = await client.explore(contoso.id);
    expect(client.sandbox.control.forgetSession(idOf(session))).toBe(true);
    expect(client.sandbox.control.forgetSession(idOf(session))).toBe(false);
    for (const path of ['', '/Statistics', '/Events', '/Organization/OneDrives']) {
      const reply = await client.get(session + path);
      expect([reply.status, reply.json.errorCode]).toEqual([404, 'ResourceNotFound']);
    }
    expect((await client.send('POST', `${session}/Stop`)).status).toBe(404);
  });

  it('has nothing to count in one that only looks', async () => {
    const session = await client.explore(contoso.id);
    expect((await client.get(`${session}/Statistics`)).json).toEqual({
      totalItemsCount: 0,
      restoredItemsCount: 0,
      failedItemsCount: 0,
      skippedItemsCount: 0,
      warnings: [],
      errors: [],
      items: [],
    });
  });

  it('lists them by time, newest first unless told otherwise', async () => {
    const [first, second] = [await client.explore(contoso.id), await client.explore(contoso.id)];
    await client.send('POST', `${first}/Stop`);
    const list = async (query: string) =>
      (await client.get(`/v8/RestoreSessions?${query}`)).json.results.map(({ id }: { id: string }) => id);
    expect((await list('')).toSorted()).toEqual([idOf(first), idOf(second)].toSorted());
    expect(await list('orderBy=EndTime')).toEqual([idOf(second), idOf(first)]);
    expect(await list('orderBy=endtime&orderAsc=true')).toEqual([idOf(first), idOf(second)]);
    expect(await list('startTimeFrom=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await list('endTimeTo=2999-01-01T00:00:00Z')).toEqual([idOf(first)]);
    expect((await client.get('/v8/RestoreSessions?startTimeFrom=soon')).status).toBe(400);
  });

  it('issues device codes and tells whether somebody confirmed them', async () => {
    const session = await client.explore(contoso.id);
    client.sandbox.control.setDeviceCodes({ confirmedByDefault: false });
    const members = { targetApplicationId: client.sandbox.deviceCodeApplicationId };
    const { json } = await client.post(`${session}/organization/restoreDeviceCode`, members);
    const { userCode } = json as { userCode: string };
    const check = async (code: string) =>
      (await client.post('/v8/DeviceCode/check', { userCode: code })).json.authenticated as boolean;
    expect(await check(userCode)).toBe(false);
    client.sandbox.control.confirmDeviceCode(userCode);
    expect([await check(userCode), await check('ABCDEFGHI')]).toEqual([true, false]);
    client.sandbox.control.expireDeviceCodes();
    expect(await check(userCode)).toBe(false);
    expect((await client.post(`${session}/organization/restoreDeviceCode`, {})).status).toBe(400);
  });
});
