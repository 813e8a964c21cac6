import { Caller } from './support/caller.js';
import { startWorld, type World } from './support/world.js';

describe('the main job', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  it('lets a person restore their own OneDrive', async () => {
    const alice = await Caller.named('alice', world);
    const sid = await alice.openSession();
    const [oid] = await alice.oneDrives(sid);
    const answer = await alice.post(
      `/api/v1/restore-sessions/${sid}/onedrives/${oid}/restore`,
      {},
      { prefer: 'wait=10' },
    );
    expect(answer).toMatchObject({ status: 200, body: { action: 'restore', state: 'succeeded' } });
  });

  it('streams a download of it', async () => {
    const alice = await Caller.named('alice', world);
    const sid = await alice.openSession();
    const [oid] = await alice.oneDrives(sid);
    const response = await alice.fetch('POST', `/api/v1/restore-sessions/${sid}/onedrives/${oid}/save`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(bytes.subarray(0, 2).toString()).toBe('PK');
  });
});
