import { Caller, expectProblem } from './support/caller.js';
import { dialects } from './support/dialects.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(30_000);

const first = '2026-01-10T02:00:00.250Z';
const last = '2026-01-20T02:00:00.250Z';

describe.each(dialects)('the point in time of a restore session on $version', ({ version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let gateway: Gateway;
  let oscar: Caller;
  let organizationId: string;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: version } });
    oscar = await Caller.named('oscar', { ...neighbours, gateway });
    organizationId = (await organization()).id;
  });
  beforeEach(() => {
    control.setBackupTimes({ firstBackupAt: new Date(first), lastBackupAt: new Date(last) });
    control.clearReceived();
  });
  afterEach(() => {
    control.clearFaults();
    control.resetBackupTimes();
  });
  afterAll(async () => {
    await gateway.close();
    await neighbours.close();
  });

  const organization = async () =>
    (await oscar.get('/api/v1/organizations')).body.items[0] as Record<'id' | 'firstBackupAt' | 'lastBackupAt', string>;
  const open = (pointInTime?: string) =>
    oscar.post('/api/v1/restore-sessions', { organizationId, ...(pointInTime !== undefined && { pointInTime }) });
  /** Of the session that upstream opened last. */
  const backupShown = () => control.sessions()[0]?.backup;
  const explores = () => control.received().filter(({ action }) => action === 'explore');

  it('is that of the newest backup unless one is asked for', async () => {
    expect(await organization()).toMatchObject({ firstBackupAt: first, lastBackupAt: last });
    expect(await open()).toMatchObject({ status: 201, body: { pointInTime: last } });
    expect(backupShown()).toBe(last);
  });

  it.each([
    ['the newest backup', last, last, last],
    ['a moment after it', '2026-01-20T02:00:00.251Z', last, last],
    ['a time that is still to come', '2099-01-01T00:00:00Z', last, last],
    ['a moment before it', '2026-01-20T02:00:00.249Z', '2026-01-20T02:00:00.249Z', '2026-01-19T02:00:00.250Z'],
    ['a day between two', '2026-01-15T12:00:00Z', '2026-01-15T12:00:00.000Z', '2026-01-15T02:00:00.250Z'],
    ['the first backup', first, first, first],
  ])('may be %s', async (_what, asked, answered, shown) => {
    const { status, body } = await open(asked);
    expect({ status, pointInTime: body.pointInTime as string }).toEqual({ status: 201, pointInTime: answered });
    expect((await oscar.get(`/api/v1/restore-sessions/${body.id}`)).body.pointInTime).toBe(answered);
    expect(backupShown()).toBe(shown);
    const { body: page } = await oscar.get(`/api/v1/restore-sessions/${body.id}/onedrives`);
    expect(page.items).not.toEqual([]);
  });

  it.each([
    ['15 January, 02:00:01 UTC as Tokyo has it', '2026-01-15T11:00:01+09:00', '2026-01-15T02:00:00.250Z'],
    ['a second earlier', '2026-01-15T11:00:00+09:00', '2026-01-14T02:00:00.250Z'],
    [
      '15 January, 02:00:01 UTC as New York has it, where it is the 14th',
      '2026-01-14T21:00:01-05:00',
      '2026-01-15T02:00:00.250Z',
    ],
    ['a second earlier there', '2026-01-14T21:00:00-05:00', '2026-01-14T02:00:00.250Z'],
    ['a zone of half an hour', '2026-01-15T07:30:01+05:30', '2026-01-15T02:00:00.250Z'],
  ])('is the same in every time zone: %s', async (_what, asked, shown) => {
    const { status, body } = await open(asked);
    expect({ status, pointInTime: body.pointInTime as string }).toEqual({
      status: 201,
      pointInTime: new Date(asked).toISOString(),
    });
    expect(backupShown()).toBe(shown);
    expect(JSON.stringify(explores()[0]?.body)).toMatch(/"dateTime":"[^"]+Z"/);
  });

  it.each([
    ['a moment before the first backup', '2026-01-10T02:00:00.249Z'],
    ['the day of the first backup, earlier by its time zone only', '2026-01-10T02:00:01+09:00'],
    ['another century', '1999-12-31T23:59:59Z'],
    ['the beginning of time', '0001-01-01T00:00:00Z'],
  ])('may not be %s', async (_what, asked) => {
    expectProblem(await open(asked), 'before-first-backup');
    expect(explores()).toEqual([]);
  });

  it('may be none where there has never been a backup', async () => {
    control.setBackupTimes({ firstBackupAt: undefined, lastBackupAt: undefined });
    expect(await organization()).not.toHaveProperty('lastBackupAt');
    for (const asked of [undefined, last, '2099-01-01T00:00:00Z']) {
      expectProblem(await open(asked), 'before-first-backup');
    }
    expect(explores()).toEqual([]);
  });

  it('is the one answered, also when a backup ends while upstream opens the session', async () => {
    const hold = control.hold({ action: 'explore' });
    const opening = open();
    await hold.reached;
    control.setBackupTimes({ lastBackupAt: new Date('2026-01-21T02:00:00Z') });
    hold.release();
    expect(await opening).toMatchObject({ status: 201, body: { pointInTime: last } });
    // The sandbox made one backup a day: that of the 20th is there still.
    expect(backupShown()).toBe(last);
    expect(await open()).toMatchObject({ body: { pointInTime: '2026-01-21T02:00:00.000Z' } });
  });
});

describe.each(dialects)('the limit of open restore sessions on $version', ({ version }) => {
  let neighbours: Neighbours;
  let gateways: Gateway[];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    const start = () =>
      startGateway(neighbours, {
        environment: { VEEAM_API_VERSION: version },
        adjust: (configuration) => ({
          ...configuration,
          limits: { ...configuration.limits, sessionsPerCaller: 3 },
        }),
      });
    gateways = [await start(), await start()];
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await neighbours.close();
  });

  it('holds for all that are opened at the same moment, and leaves none open upstream', async () => {
    const { control } = neighbours.veeam;
    const oscars = await Promise.all(gateways.map((gateway) => Caller.named('oscar', { ...neighbours, gateway })));
    const { body: page } = (await oscars[0]?.get('/api/v1/organizations')) ?? { body: { items: [] } };
    const hold = control.hold({ action: 'explore' });
    const opening = Array.from({ length: 5 }, () =>
      oscars.map((oscar) => oscar.post('/api/v1/restore-sessions', { organizationId: page.items[0].id })),
    ).flat();
    await hold.reachedBy(10);
    hold.release();
    const answers = await Promise.all(opening);
    const [refused, opened] = [429, 201].map((code) => answers.filter(({ status }) => status === code));
    expect([opened?.length, refused?.length]).toEqual([3, 7]);
    refused?.forEach((answer) => {
      expectProblem(answer, 'rate-limited');
    });
    const working = () => control.sessions().filter(({ state }) => state === 'Working').length;
    await until(() => working() === 3);

    const [one] = opened ?? [];
    expect(await oscars[0]?.delete(`/api/v1/restore-sessions/${one?.body.id}`)).toMatchObject({ status: 204 });
    const again = await oscars[1]?.post('/api/v1/restore-sessions', { organizationId: page.items[0].id });
    expect(again?.status).toBe(201);
    expect(working()).toBe(3);
  });
});
