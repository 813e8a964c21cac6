import { ManualClock } from '@app/clock';

import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { Caller, expectProblem } from './support/caller.js';
import { dialects } from './support/dialects.js';
import { until, whileAdvancing } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

/** Such as when the Microsoft 365 application of one tenant has expired. */
describe.each(dialects)('on $version, an organization whose people cannot be looked up', ({ version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateway: Gateway;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
  });
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, { clock, environment: { VEEAM_API_VERSION: version } });
    control.clearReceived();
  });
  afterEach(async () => {
    control.clearFaults();
    await whileAdvancing({ clock, by: SECOND }, gateway.close());
  });
  afterAll(() => neighbours.close());

  const called = (name: string) => Caller.named(name, { ...neighbours, gateway });
  const people = (organization: { id: string }) => ({ path: `/Organizations/${organization.id}/Users` });
  const refuse = (organization: { id: string }) =>
    control.addFault({
      match: people(organization),
      fault: { kind: 'answer', status: 500, body: {} },
      times: Infinity,
    });
  const listed = (caller: Caller) => caller.get('/api/v1/organizations');
  const open = (caller: Caller, organizationId: string) => caller.post('/api/v1/restore-sessions', { organizationId });
  const askedOf = (organization: { id: string }) =>
    control.received().filter(({ path }) => path.includes(people(organization).path));

  it('keeps nobody from the others', async () => {
    refuse(fabrikam);
    const alice = await called('alice');
    expect((await listed(alice)).body).toMatchObject({ items: [{ name: contoso.name }], incomplete: true });
    const one = { organization: contoso.name, user: 'alice@contoso.onmicrosoft.com', action: 'restore', dryRun: true };
    expect(await alice.post('/api/v1/restores', one)).toMatchObject({ status: 200 });
    control.clearReceived();
    expect(await open(alice, contoso.id)).toMatchObject({ status: 201 });
    // What is not asked for is not looked at.
    expect(askedOf(fabrikam)).toEqual([]);
  });

  it("is not said to be nobody's: that cannot be told", async () => {
    refuse(fabrikam);
    const [alice, fred] = [await called('alice'), await called('fred')];
    expectProblem(await listed(fred), 'upstream-rejected');
    expectProblem(await open(fred, fabrikam.id), 'upstream-rejected');
    expectProblem(await open(alice, fabrikam.id), 'upstream-rejected');
    expectProblem(await open(alice, 'deadbeef-0000-4000-8000-000000000000'), 'not-found');
    control.clearFaults();
    expectProblem(await open(alice, fabrikam.id), 'not-found');
    expect(await open(fred, fabrikam.id)).toMatchObject({ status: 201 });
  });

  it('is waited for no longer than twenty seconds where there are others', async () => {
    control.addFault({ match: people(fabrikam), fault: { kind: 'never-answer' }, times: Infinity });
    const alice = await called('alice');
    const listing = listed(alice);
    await until(() => askedOf(fabrikam).length > 0);
    await clock.advance(20 * SECOND);
    expect((await listing).body).toMatchObject({ items: [{ name: contoso.name }], incomplete: true });
    expect(await open(alice, contoso.id)).toMatchObject({ status: 201 });
  });
});
