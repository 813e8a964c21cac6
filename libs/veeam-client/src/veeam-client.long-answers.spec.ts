import { Secret } from '@app/secrets';
import { ActionAnswerUnknownError } from './errors.js';
import { clientOf, failureOf, ITEM, ONEDRIVE_ID, SESSION_ID, wireSession } from './testing/client-of.js';
import { makeCertificate, ok, ScriptedUpstream } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const credentials = { kind: 'user', userName: 'admin@contoso.com', password: new Secret('p4ssw0rd') } as const;
/** About 6 MiB. */
const restoreIssues = Array.from({ length: 12_000 }, (_, item) => ({
  id: `${item}`,
  path: `/Documents/${'ä/'.repeat(200)}`,
  title: `"failedItemsCount":${item}`,
  error: 'locked',
}));
const statistics = {
  totalItemsCount: 12_010,
  restoredItemsCount: 8,
  restoreIssues,
  failedItemsCount: 12_000,
  skippedItemsByErrorCount: 0,
  skippedItemsByNoChangesCount: 2,
  failedRestrictionsCount: null,
};

describe.each(['v5', 'v6', 'v7'] as const)('a long answer of %s', (apiVersion) => {
  let upstream: ScriptedUpstream;
  let client: VeeamClient;
  const session = `/${apiVersion}/RestoreSessions/${SESSION_ID}`;
  const oneDrive = `${session}/Organization/OneDrives/${ONEDRIVE_ID}`;
  const action = `POST ${oneDrive}/${apiVersion === 'v5' ? 'Action' : 'restore'}`;

  beforeEach(async () => {
    upstream = await ScriptedUpstream.start(certificate);
    client = clientOf(upstream, { apiVersion });
    upstream.on(`GET ${session}`, ok(wireSession()));
  });
  afterEach(async () => {
    await client.close();
    await upstream.close();
  });

  const restore = () =>
    client.restore(SESSION_ID, ITEM, { documentVersion: 'last', documentAction: 'keep' }, credentials);

  it('tells how a restore went, of a thousand items why, and how many more there were', async () => {
    upstream.on(action, ok(statistics));
    const result = await restore();
    const outcome = result.kind === 'finished' ? result.outcome : undefined;
    expect(outcome).toMatchObject({ total: 12_010, restored: 8, failed: 12_000, skipped: 2 });
    expect(outcome?.issues).toHaveLength(1_001);
    expect(outcome?.issues[999]).toMatchObject({ title: '"failedItemsCount":999', message: 'locked' });
    expect(outcome?.issues[1_000]).toEqual({
      path: undefined,
      title: undefined,
      severity: 'error',
      message: 'The backup server told of 11000 issues more.',
    });
  });

  it('leaves open how it went where it does not end', async () => {
    upstream.on(action, (response) => {
      const [start, filler] = ['{"restoreIssues": [', Buffer.alloc(1024 * 1024, ' ')];
      response.writeHead(200, { 'content-type': 'application/json' });
      const fill = () => {
        while (!response.destroyed && response.write(filler));
      };
      response.write(start);
      response.on('drain', fill);
      fill();
    });
    expect(await failureOf(restore())).toBeInstanceOf(ActionAnswerUnknownError);
  });
});
