import { ManualClock } from '@app/clock';
import {
  InternalError,
  UpstreamBrokenError,
  UpstreamLoginFailedError,
  UpstreamRejectedError,
  UpstreamUnavailableError,
  ValidationFailedError,
} from '@app/problems';
import { type BackupServer, BackupServers, type ServedOrganization } from './backup-servers.js';
import type { VeeamClient } from './veeam-client.js';

const clientNamed = (name: string) => ({ name }) as unknown as VeeamClient;
const server = (name: string, organizations?: readonly string[]): BackupServer => ({
  name,
  client: clientNamed(name),
  organizations,
});
const never = new Promise<never>(() => undefined);
const down = () => Promise.reject(new UpstreamUnavailableError('It is down.'));

describe('BackupServers', () => {
  let clock: ManualClock;
  beforeEach(() => {
    clock = new ManualClock();
  });

  const serversOf = (...all: BackupServer[]) => new BackupServers(all, clock);
  /** How often each was asked. */
  const counted = (work: Readonly<Record<string, () => Promise<string>>>) => {
    const asked: Record<string, number> = {};
    return {
      asked,
      work: ({ name }: BackupServer) => {
        asked[name] = (asked[name] ?? 0) + 1;
        return work[name]?.() ?? Promise.resolve(name);
      },
    };
  };

  it('finds the client of a server by its name, and refuses what is not configured', () => {
    const servers = serversOf(server('one'), server('two'));
    expect(servers.of({ backupServer: 'two' })).toEqual({ name: 'two' });
    expect(() => servers.of({ backupServer: 'three' })).toThrow(UpstreamUnavailableError);
    expect(() => servers.of({ backupServer: 'Two' })).toThrow("The backup server 'Two' is not configured any more.");
  });

  it('takes organizations only from where they are to be taken from', async () => {
    const listed = [
      { id: '1', name: 'Contoso.onmicrosoft.com' },
      { id: '2', name: 'fabrikam.onmicrosoft.com' },
    ];
    const client = { listOrganizations: () => Promise.resolve(listed) } as unknown as VeeamClient;
    const [all, some] = [
      { name: 'all', client, organizations: undefined },
      { name: 'some', client, organizations: ['contoso.onmicrosoft.com'] },
    ];
    const servers = serversOf(all, some);
    const names = ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'];
    const idsOn = async (one: BackupServer, wanted: string[]) =>
      (await servers.organizationsOn(one, wanted)).map(({ id, backupServer }) => `${backupServer} ${id}`);
    expect(await idsOn(all, names)).toEqual(['all 1', 'all 2']);
    expect(await idsOn(some, names)).toEqual(['some 1']);
    expect(await idsOn(all, ['fabrikam.onmicrosoft.com'])).toEqual(['all 2']);
    expect(servers.thatMayHave(['fabrikam.onmicrosoft.com'])).toEqual([all]);
    expect(servers.thatMayHave(names)).toEqual([all, some]);
    const seen = (name: string) => ['all', 'some', 'other'].map((one) => servers.wasSeenOn(one, name));
    expect(seen('CONTOSO.onmicrosoft.com')).toEqual([true, true, false]);
    expect(seen('fabrikam.onmicrosoft.com')).toEqual([true, false, false]);
  });

  it('asks all at once, and answers in their order', async () => {
    const servers = serversOf(server('one'), server('two'), server('three'));
    const { asked, work } = counted({ two: down });
    expect(await servers.ask(servers.all, work)).toEqual({
      answers: ['one', 'three'],
      missing: [expect.objectContaining({ backupServer: 'two', error: expect.any(UpstreamUnavailableError) as Error })],
    });
    expect(asked).toEqual({ one: 1, two: 1, three: 1 });
  });

  it('waits twenty seconds for one of several, does not ask it again for ten, and then waits five', async () => {
    const servers = serversOf(server('one'), server('two'));
    const { asked, work } = counted({ two: () => never });
    const first = servers.ask(servers.all, work);
    await clock.advance(19_999);
    expect(await Promise.race([first, Promise.resolve('waiting')])).toBe('waiting');
    await clock.advance(1);
    expect(await first).toMatchObject({
      answers: ['one'],
      missing: [{ backupServer: 'two', error: { code: 'upstream-timeout' } }],
    });
    await clock.advance(9_999);
    expect(await servers.ask(servers.all, work)).toMatchObject({
      answers: ['one'],
      missing: [{ backupServer: 'two' }],
    });
    expect(asked).toEqual({ one: 2, two: 1 });
    await clock.advance(1);
    const again = servers.ask(servers.all, work);
    expect(asked).toEqual({ one: 3, two: 2 });
    // One tries it, and whoever comes meanwhile does not wait.
    expect((await servers.ask(servers.all, work)).missing).toHaveLength(1);
    expect(asked).toEqual({ one: 4, two: 2 });
    await clock.advance(4_999);
    expect(await Promise.race([again, Promise.resolve('waiting')])).toBe('waiting');
    await clock.advance(1);
    expect((await again).missing).toMatchObject([{ error: { code: 'upstream-timeout' } }]);
  });

  it('waits no longer than whoever is in a hurry, and does not hold that against it', async () => {
    const servers = serversOf(server('one'), server('two'));
    const { asked, work } = counted({ two: () => never });
    const first = servers.ask(servers.all, work, 500);
    await clock.advance(500);
    expect((await first).missing).toMatchObject([{ backupServer: 'two', error: { code: 'upstream-timeout' } }]);
    void servers.ask(servers.all, work);
    expect(asked).toEqual({ one: 2, two: 2 });
  });

  it('asks one again as soon as it has answered, however late', async () => {
    const servers = serversOf(server('one'), server('two'));
    let answer: (text: string) => void = () => undefined;
    const { work } = counted({ two: () => new Promise((resolve) => (answer = resolve)) });
    const first = servers.ask(servers.all, work);
    await clock.advance(20_000);
    expect((await first).missing).toHaveLength(1);
    answer('two, late');
    await clock.advance(1);
    const again = servers.ask(servers.all, ({ name }) => Promise.resolve(name));
    expect(await again).toEqual({ answers: ['one', 'two'], missing: [] });
  });

  it.each([
    [new UpstreamUnavailableError('It is down.'), 1],
    [new UpstreamLoginFailedError('It is locked.'), 1],
    [new UpstreamRejectedError('It cannot do that.'), 2],
    [new UpstreamBrokenError('That makes no sense.'), 2],
  ])('leaves out one that answers %p, and lets it rest only if it could answer nothing', async (error, times) => {
    const servers = serversOf(server('one'), server('two'));
    const { asked, work } = counted({ two: () => Promise.reject(error) });
    expect(await servers.ask(servers.all, work)).toEqual({
      answers: ['one'],
      missing: [expect.objectContaining({ backupServer: 'two', error })],
    });
    await servers.ask(servers.all, work);
    expect(asked).toEqual({ one: 2, two: times });
  });

  it('waits for the only one as long as it takes, and asks it each time', async () => {
    const servers = serversOf(server('one'), server('two'));
    const only = servers.all.slice(0, 1);
    const { asked, work } = counted({ one: down });
    expect(await servers.ask(only, work)).toMatchObject({ answers: [], missing: [{ backupServer: 'one' }] });
    await servers.ask(only, work);
    expect(asked).toEqual({ one: 2 });
    const waiting = servers.ask(only, () => never);
    await clock.advance(60_000);
    expect(await Promise.race([waiting, Promise.resolve('waiting')])).toBe('waiting');
  });

  describe('of organizations', () => {
    const [contoso, fabrikam] = ['contoso', 'fabrikam'].map((name) => ({ id: name, name, backupServer: 'one' })) as [
      ServedOrganization,
      ServedOrganization,
    ];

    it('leaves out those it cannot ask about, and holds that against no server', async () => {
      const servers = serversOf(server('one'), server('two'));
      const work = ({ name }: { name: string }) => (name === 'fabrikam' ? down() : Promise.resolve(name));
      expect(await servers.askAbout([contoso, fabrikam], work)).toEqual({
        answers: ['contoso'],
        missing: [{ backupServer: 'one', error: expect.any(UpstreamUnavailableError) as Error }],
      });
      expect(await servers.ask(servers.all, ({ name }) => Promise.resolve(name))).toMatchObject({
        answers: ['one', 'two'],
      });
    });

    it('waits twenty seconds for one of several, and as long as it takes for the only one', async () => {
      const servers = serversOf(server('one'));
      const work = ({ name }: { name: string }) => (name === 'fabrikam' ? never : Promise.resolve(name));
      const [both, only] = [servers.askAbout([contoso, fabrikam], work), servers.askAbout([fabrikam], work)];
      await clock.advance(19_999);
      expect(await Promise.race([both, Promise.resolve('waiting')])).toBe('waiting');
      await clock.advance(1);
      expect(await both).toMatchObject({ answers: ['contoso'], missing: [{ error: { code: 'upstream-timeout' } }] });
      await clock.advance(60_000);
      expect(await Promise.race([only, Promise.resolve('waiting')])).toBe('waiting');
    });

    it('does not hide what is no failure of upstream', async () => {
      const error = new InternalError('A bug.');
      await expect(serversOf(server('one')).askAbout([contoso], () => Promise.reject(error))).rejects.toBe(error);
    });
  });

  it.each([new InternalError('A bug.'), new ValidationFailedError([]), new TypeError('A bug.')])(
    'takes %p for no fault of the server',
    async (error) => {
      const servers = serversOf(server('one'), server('two'));
      const { asked, work } = counted({ two: () => Promise.reject(error) });
      await expect(servers.ask(servers.all, work)).rejects.toBe(error);
      await expect(servers.ask(servers.all, work)).rejects.toBe(error);
      expect(asked).toEqual({ one: 2, two: 2 });
    },
  );
});
