import type { Caller } from './support/caller.js';
import { openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { auditRecords } from './support/trail.js';
import { requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(120_000);

const ONEDRIVES = 10_000;
const FILES = 20_000;
/** What upstream lists in time. */
const UPSTREAM_PAGE = 250;

interface Listed {
  readonly ids: readonly string[];
  readonly pages: number;
  /** Requests upstream that were not the listing itself. */
  readonly others: number;
}

let neighbours: Neighbours;

beforeAll(async () => {
  neighbours = await startNeighbours();
  neighbours.veeam.control.setSyntheticOneDrives(ONEDRIVES);
  neighbours.veeam.control.setBigOneDrive({ bytes: 1_000, documents: 1, manySmall: FILES });
});
afterAll(() => neighbours.close());

describe.each(dialects)('large listings on $version', ({ version }) => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway(neighbours, {
      environment: { VEEAM_API_VERSION: version },
      adjust: (configuration) => ({
        ...configuration,
        limits: { ...configuration.limits, requestsPerWindow: 100_000 },
      }),
    });
  });
  afterAll(() => gateway.close());

  /** All pages of a listing, whose requests upstream are known by `listing`. */
  async function listed(caller: Caller, path: string, listing: RegExp): Promise<Listed> {
    neighbours.veeam.control.clearReceived();
    const ids: string[] = [];
    let pages = 0;
    for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
      const { body } = await caller.get(
        `${path}${path.includes('?') ? '&' : '?'}limit=1000${cursor && `&cursor=${cursor}`}`,
      );
      expect(body.items.length).toBeLessThanOrEqual(1_000);
      ids.push(...(body.items as { id: string }[]).map(({ id }) => id));
      cursor = body.nextCursor;
    }
    const sent = requests(neighbours.veeam.control);
    const ofListing = sent.filter((request) => listing.test(request));
    for (const request of ofListing) {
      expect(Number(/[?&]limit=(\d+)/.exec(request)?.[1])).toBeLessThanOrEqual(UPSTREAM_PAGE);
    }
    return { ids, pages, others: sent.length - ofListing.length };
  }

  it(`shows ${ONEDRIVES} OneDrives, each once, by one decision a page`, async () => {
    const { caller, sid } = await openDesk('oscar', { ...neighbours, gateway });
    const before = await browsingRecords();
    const { ids, pages, others } = await listed(caller, `/api/v1/restore-sessions/${sid}/onedrives`, /\/OneDrives\?/);
    expect(ids.length).toBeGreaterThan(ONEDRIVES);
    expect(new Set(ids).size).toBe(ids.length);
    expect(await browsingRecords()).toBe(before + pages);
    // An operator owns nothing here: who they are is all that is asked besides.
    expect(others).toBeLessThanOrEqual(pages);
  });

  it(`shows ${FILES} files of a folder, each once, and asks no more for it than for a small one`, async () => {
    const { caller, sid, oneDrives } = await openDesk('oscar', { ...neighbours, gateway });
    const oneDrive = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives['Vera Vast']}`;
    const { body: root } = await caller.get(`${oneDrive}/items`);
    const folder = (name: string): string => root.items.find((item: { name: string }) => item.name === name)?.id ?? '';
    const before = await browsingRecords();
    const many = await listed(caller, `${oneDrive}/items?parentId=${folder('Many')}`, /[?&]parentId=/);
    expect(many.ids).toHaveLength(FILES);
    expect(new Set(many.ids).size).toBe(FILES);
    expect(await browsingRecords()).toBe(before + many.pages);
    const few = await listed(caller, `${oneDrive}/items?parentId=${folder('Archive')}`, /[?&]parentId=/);
    expect(few.ids).toHaveLength(1);
    expect(many.others / many.pages).toBe(few.others / few.pages);
  });

  async function browsingRecords(): Promise<number> {
    return (await auditRecords(neighbours)).filter(({ action }) => action === 'browse').length;
  }
});
