import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso } from '../people.js';

describe('v5 restore sessions', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn();
  });
  afterAll(() => client.close());

  const action = `/v5/Organizations/${contoso.id}/Action`;

  it('opens one with 201 and says so in its first event', async () => {
    const reply = await client.post(action, { Explore: { DateTime: '2099-01-01 10:00:00.000', Type: 'Veod' } });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({ type: 'Veod', state: 'Working', initiatedBy: client.sandbox.username });
    const { json } = await client.get(`/v5/restoresessions/${reply.json.id}/events`);
    expect(json.results).toMatchObject([
      {
        type: 'None',
        status: 'Success',
        title: 'Restore session started',
        message: 'Restore session started',
        order: 0,
      },
    ]);
    expect(json.results[0].startTime).toMatch(/\.\d{7}\+00:00$/);
  });

  it.each(['2026.01.02 3:04', '2026.01.02 03:04:05', '2026-01-02 03:04:05.678', '2026-01-02T03:04:05.1234567Z'])(
    'understands the moment %s',
    async (dateTime) => {
      expect((await client.post(action, { explore: { dateTime } })).status).toBe(201);
    },
  );

  it.each([
    ['a broken moment', { explore: { dateTime: 'yesterday' } }, 400],
    ['another action', { stop: null }, 400],
    ['two actions', { explore: {}, stop: null }, 400],
    ['an Explorer that is not installed', { explore: { type: 'vex' } }, 500],
  ])('refuses %s', async (_, body, status) => {
    const reply = await client.post(action, body);
    expect(reply.status).toBe(status);
    expect(reply.json).toEqual({ message: expect.any(String) });
  });

  it('opens an empty one before the first backup', async () => {
    const session = await client.explore(contoso.id, { dateTime: '2001-01-01T00:00:00Z' });
    expect((await client.get(`${session}/Organization/OneDrives`)).json.results).toEqual([]);
  });

  it('stops one, after which looking into it is 500 and reading it is not', async () => {
    const session = await client.explore(contoso.id);
    expect((await client.get(`${session}/organization`)).json).toMatchObject({ id: contoso.id, type: 'Office365' });
    const stopped = await client.post(`${session}/Action`, { stop: null });
    expect([stopped.status, stopped.text]).toEqual([200, '']);
    expect((await client.get(`${session}/Organization/OneDrives`)).status).toBe(500);
    expect((await client.get(session)).json).toMatchObject({ state: 'Stopped', endTime: expect.any(String) });
  });

  it('takes a stop of one that resists, and has it work some looks later or never', async () => {
    const [late, never] = [await client.explore(contoso.id), await client.explore(contoso.id)];
    const idOf = (session: string) => session.split('/').at(-1) ?? '';
    const stateOf = async (session: string) => (await client.get(session)).json.state as string;
    client.sandbox.control.resistStop(idOf(late), 2);
    client.sandbox.control.resistStop(idOf(never));
    expect(await stateOf(late)).toBe('Working');
    for (const session of [late, never]) {
      expect((await client.post(`${session}/Action`, { stop: null })).status).toBe(200);
    }
    expect([await stateOf(late), await stateOf(late)]).toEqual(['Working', 'Stopped']);
    for (let look = 1; look <= 5; look++) expect(await stateOf(never)).toBe('Working');
  });

  it('shows the newest backup at or before the moment, and goes on showing it when a newer one is made', async () => {
    const { control } = client.sandbox;
    const [first, last] = [new Date('2026-01-01T02:00:00Z'), new Date('2026-01-05T02:00:00Z')];
    control.setBackupTimes({ firstBackupAt: first, lastBackupAt: last });
    await client.explore(contoso.id);
    control.setBackupTimes({ lastBackupAt: new Date('2026-01-06T02:00:00Z') });
    const moments = [
      '2026-01-05T02:00:00.0009999Z',
      '2026-01-05T01:59:59Z',
      '2026-01-01T02:00:00Z',
      '2026-01-01T01:59:59Z',
    ];
    for (const dateTime of [...moments, '2099-01-01T00:00:00Z']) await client.explore(contoso.id, { dateTime });
    const shown = control.sessions().map(({ backup }) => backup?.slice(0, 10));
    expect(shown.reverse()).toEqual(['2026-01-05', '2026-01-05', '2026-01-04', '2026-01-01', undefined, '2026-01-06']);

    control.setBackupTimes({ firstBackupAt: undefined, lastBackupAt: undefined });
    const { json } = await client.get('/v5/Organizations');
    expect(json[0]).toMatchObject({ isBackedup: false });
    expect(Object.keys(json[0] as object)).not.toContain('firstBackuptime');
  });

  it('answers 400 to reading or stopping an unknown one', async () => {
    const unknown = '/v5/RestoreSessions/00000000-0000-4000-8000-000000000000';
    expect((await client.get(unknown)).status).toBe(400);
    expect((await client.post(`${unknown}/Action`, { stop: null })).status).toBe(400);
    expect((await client.get(`${unknown}/Organization/OneDrives`)).status).toBe(500);
  });

  it('stops one that nobody used for its time', async () => {
    const session = await client.explore(contoso.id);
    client.sandbox.control.setSessionIdleSeconds(0);
    expect((await client.get(session)).json.state).toBe('Stopped');
  });

  it('is killed and listed by the control', async () => {
    const session = await client.explore(contoso.id);
    const id = session.split('/').at(-1) ?? '';
    expect(client.sandbox.control.stopSession(id)).toBe(true);
    expect(client.sandbox.control.sessions()).toMatchObject([{ id, state: 'Stopped' }]);
    expect((await client.get('/v5/RestoreSessions')).json.results).toMatchObject([{ id, state: 'Stopped' }]);
  });
});
