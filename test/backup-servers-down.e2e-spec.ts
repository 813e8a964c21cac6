import { betweenServers, CONTOSO, FABRIKAM, versionPairs } from './support/between-servers.js';
import { expectProblem } from './support/caller.js';
import type { ServerPair } from './support/server-pair.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

/** From now on it takes connections and requests, and answers none. */
const goDark = (control: ServerPair['apac']['control']) =>
  control.addFault({ fault: { kind: 'never-answer' }, times: Infinity });

describe.each(versionPairs)(
  'two backup servers, $emeaVersion and $apacVersion, of which one does not answer,',
  (versions) => {
    const at = betweenServers(versions);

    it('serve what the other has, at once after the first time, and all of it once it answers again', async () => {
      const gateway = await at.start();
      const [oscar, fred] = [await at.callerAt(gateway), await at.callerAt(gateway, 'fred')];
      goDark(at.pair.apac.control);
      expect((await at.soon(at.organizations(oscar))).body).toMatchObject({
        items: [{ name: CONTOSO }],
        incomplete: true,
      });
      // The clock stands still: nothing is waited for.
      expect((await at.organizations(oscar)).body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
      expectProblem(await at.organizations(fred), 'upstream-timeout');
      expectProblem(await at.open(fred, FABRIKAM), 'upstream-timeout');
      const sid = (await at.open(oscar, CONTOSO)).body.id as string;
      expect(await oscar.oneDrives(sid)).not.toEqual([]);

      at.pair.apac.control.clearFaults();
      const whole = await until(async () => {
        const { body } = await at.soon(at.organizations(oscar));
        return body.incomplete === undefined && (body as object);
      }, at.moving());
      expect(whole).toMatchObject({ items: [{ name: CONTOSO }, { name: FABRIKAM }] });
      await at.sessionIn(fred, FABRIKAM);
    });

    it('are not left alone because of a look-up that failed for one caller', async () => {
      const gateway = await at.start();
      const [alice, helpdesk] = [await at.callerAt(gateway, 'alice'), await at.callerAt(gateway, 'helpdesk-app')];
      const fault = { kind: 'answer', status: 500, body: {} } as const;
      at.pair.emea.control.addFault({ match: { path: '/Users' }, fault, times: Infinity });
      expectProblem(await at.organizations(alice), 'upstream-rejected');
      // The clock stands still: whoever is put to rest stays there.
      await at.sessionIn(helpdesk, CONTOSO);
    });

    it('are ready for calls, and say which of them is not', async () => {
      const gateway = await at.start();
      goDark(at.pair.emea.control);
      expect(await at.readiness(gateway)).toEqual({
        status: 200,
        upstream: {
          status: 'degraded',
          code: 'upstream-timeout',
          detail: `apac: API ${versions.apacVersion}, emea: The backup server has not answered in time.`,
        },
      });
      goDark(at.pair.apac.control);
      await at.clock.advance(10 * SECOND);
      expect(await at.readiness(gateway)).toMatchObject({ status: 503, upstream: { status: 'down' } });
    });

    it('go on with operations of the other, and with its own once it answers again', async () => {
      const gateway = await at.start();
      const oscar = await at.callerAt(gateway);
      const [contoso, fabrikam] = [await at.sessionIn(oscar, CONTOSO), await at.sessionIn(oscar, FABRIKAM)];
      const [onEmea, onApac] = [await at.firstOneDrive(oscar, contoso), await at.firstOneDrive(oscar, fabrikam)];
      // The first of them holds the session, the second waits in the queue.
      const held = at.pair.apac.control.holdActions();
      const first = await oscar.post(`${onApac}/restore`, {});
      const second = await oscar.post(`${onApac}/restore`, {});
      await at.soon(held.reached);
      goDark(at.pair.apac.control);
      held.release();
      const other = await at.soon(oscar.post(`${onEmea}/restore`, {}, { prefer: 'wait=60' }));
      expect(other.body).toMatchObject({ state: 'succeeded' });
      at.pair.apac.control.clearFaults();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, at.moving())).toMatchObject({ state: 'succeeded' });
      }
      expect(at.pair.apac.control.actionCounts()).toMatchObject([{ action: 'restore', count: 2 }]);
    });

    it('find out no later what became of operations, and begin no later what waits', async () => {
      const gateway = await at.start();
      const oscar = await at.callerAt(gateway);
      const [contoso, fabrikam] = [await at.sessionIn(oscar, CONTOSO), await at.sessionIn(oscar, FABRIKAM)];
      const [onEmea, onApac] = [await at.firstOneDrive(oscar, contoso), await at.firstOneDrive(oscar, fabrikam)];
      const { control } = at.pair.emea;
      at.pair.apac.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close' } });
      const lost = (await oscar.post(`${onApac}/restore`, {})).body.id as string;
      expect(await oscar.endOf(lost, at.moving())).toMatchObject({ state: 'interrupted' });
      goDark(at.pair.apac.control);
      await at.clock.advance(61 * SECOND);
      // The second is begun when the first has ended, cannot be decided on then, and waits to be looked at again.
      const held = control.holdActions();
      const first = await oscar.post(`${onEmea}/restore`, {});
      await at.soon(held.reached);
      const second = await oscar.post(`${onEmea}/restore`, {});
      control.addFault({
        match: { method: 'GET', path: 'OneDrives' },
        fault: { kind: 'answer', status: 503 },
        times: 3,
      });
      const startedAt = at.clock.now();
      held.release();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, at.moving())).toMatchObject({ state: 'succeeded' });
      }
      expect(at.clock.now() - startedAt).toBeLessThan(60 * SECOND);
      at.pair.apac.control.clearFaults();
      const reconciled = async () => (await oscar.operation(lost)).reconciliation as object | undefined;
      expect(await until(reconciled, { clock: at.clock, by: 30 * SECOND })).toMatchObject({ finding: 'not-done' });
    });

    it('are told to stop sessions all the same, however many the other has not heard of', async () => {
      const gateway = await at.start();
      const oscar = await at.callerAt(gateway);
      const sids = await Promise.all(Array.from({ length: 12 }, () => at.sessionIn(oscar, FABRIKAM)));
      const own = await at.sessionIn(oscar, CONTOSO);
      goDark(at.pair.apac.control);
      await at.soon(Promise.all(sids.map((sid) => oscar.delete(`/api/v1/restore-sessions/${sid}`))));
      at.pair.emea.control.addFault({ match: { action: 'stop' }, fault: { kind: 'answer', status: 503 } });
      const startedAt = at.clock.now();
      expect((await at.soon(oscar.delete(`/api/v1/restore-sessions/${own}`))).status).toBe(204);
      const newest = () => at.pair.emea.control.sessions().find(({ kind }) => kind === 'explore');
      await until(() => newest()?.state === 'Stopped', at.moving());
      expect(at.clock.now() - startedAt).toBeLessThan(30 * SECOND);
      at.pair.apac.control.clearFaults();
      const stopped = () => at.pair.apac.control.sessions().every(({ state }) => state === 'Stopped');
      await until(stopped, { clock: at.clock, by: 30 * SECOND });
    });
  },
);
