import { betweenServers, CONTOSO, FABRIKAM, versionPairs } from './support/between-servers.js';
import { expectProblem } from './support/caller.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

describe.each(versionPairs)(
  'two backup servers, $emeaVersion and $apacVersion, one of them with limits of its own,',
  (versions) => {
    const at = betweenServers(versions);

    const limited = (limits: object) => at.start([{ ...at.emea(), limits }, at.apac()]);

    it('run so many restores at a time', async () => {
      const oscar = await at.callerAt(await limited({ operations: 1 }));
      const [one, two] = [await at.sessionIn(oscar, CONTOSO), await at.sessionIn(oscar, CONTOSO)];
      const elsewhere = await at.sessionIn(oscar, FABRIKAM);
      const held = at.pair.emea.control.holdActions();
      const first = await oscar.post(`${await at.firstOneDrive(oscar, one)}/restore`, {});
      await at.soon(held.reached);
      const second = await oscar.post(`${await at.firstOneDrive(oscar, two)}/restore`, {});
      const other = oscar.post(`${await at.firstOneDrive(oscar, elsewhere)}/restore`, {}, { prefer: 'wait=60' });
      expect((await at.soon(other)).body).toMatchObject({ state: 'succeeded' });
      await at.clock.advance(20 * SECOND);
      expect(await oscar.operation(second.body.id as string)).toMatchObject({ state: 'accepted' });
      held.release();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, at.moving())).toMatchObject({ state: 'succeeded' });
      }
    });

    it('send so many downloads at a time', async () => {
      const oscar = await at.callerAt(await limited({ downloads: 1, operations: 1 }));
      const [one, two] = [await at.sessionIn(oscar, CONTOSO), await at.sessionIn(oscar, CONTOSO)];
      const [onOne, onTwo] = [await at.firstOneDrive(oscar, one), await at.firstOneDrive(oscar, two)];
      const elsewhere = await at.firstOneDrive(oscar, await at.sessionIn(oscar, FABRIKAM));
      const held = at.pair.emea.control.hold({ action: 'save' });
      const first = oscar.fetch('POST', `${onOne}/save`, '{}');
      await held.reached;
      const second = await oscar.post(`${onTwo}/save`, {});
      expectProblem(second, 'too-many-downloads');
      expect(second.headers.get('retry-after')).toBe('30');
      expect((await oscar.fetch('POST', `${elsewhere}/save`, '{}')).status).toBe(200);
      const restored = oscar.post(`${onTwo}/restore`, {}, { prefer: 'wait=60' });
      expect((await at.soon(restored)).body).toMatchObject({ state: 'succeeded' });
      held.release();
      await (await first).arrayBuffer();
      const again = await until(async () => {
        const answer = await oscar.fetch('POST', `${onTwo}/save`, '{}');
        await answer.arrayBuffer();
        return answer.status === 200;
      });
      expect(again).toBe(true);
    });

    it('keep so many restore sessions open', async () => {
      const gateway = await limited({ restoreSessions: 2 });
      const [oscar, alice] = [await at.callerAt(gateway), await at.callerAt(gateway, 'alice')];
      for (const session of (await oscar.get('/api/v1/restore-sessions')).body.items) {
        await at.soon(oscar.delete(`/api/v1/restore-sessions/${session.id}`));
      }
      const openBefore = at.pair.emea.control.sessions().filter(({ state }) => state === 'Working').length;
      const answers = await at.soon(
        Promise.all([oscar, alice, oscar, alice, oscar].map((caller) => at.open(caller, CONTOSO))),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429, 429]);
      await at.sessionIn(oscar, FABRIKAM);
      await until(
        () => at.pair.emea.control.sessions().filter(({ state }) => state === 'Working').length === openBefore + 2,
        at.moving(),
      );
    });
  },
);
