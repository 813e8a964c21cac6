import { UpstreamRejectedError } from '@app/problems';
import { Secret } from '@app/secrets';
import { ActionAnswerUnknownError } from './errors.js';
import { clientOf, failureOf, ITEM, ONEDRIVE_ID, SESSION_ID, wireSession } from './testing/client-of.js';
import { json, makeCertificate, ok, ScriptedUpstream, status } from './testing/scripted-upstream.js';
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

describe.each(['v5', 'v6', 'v7'] as const)('an answer of %s that is too long to be kept', (apiVersion) => {
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

  it('tells how a restore went by its counts, and that there was more', async () => {
    upstream.on(action, ok(statistics));
    expect(await restore()).toEqual({
      kind: 'finished',
      outcome: {
        total: 12_010,
        restored: 8,
        failed: 12_000,
        skipped: 2,
        skippedByError: 0,
        skippedByNoChanges: 2,
        failedRestrictions: undefined,
        result: undefined,
        results: [],
        issues: [
          {
            path: undefined,
            title: undefined,
            severity: 'warning',
            message: 'The backup server told more of single items than is kept; only its counts are.',
          },
        ],
      },
    });
  });

  it.each<[string, string]>([
    ['has no counts', JSON.stringify({ restoreIssues })],
    ['is a list', JSON.stringify(restoreIssues)],
    ['is no JSON', `<html>${'x'.repeat(5 * 1024 * 1024)}</html>`],
    ['ends too early', JSON.stringify(statistics).slice(0, -1)],
  ])('leaves open how it went where it %s', async (_, body) => {
    upstream.on(action, status(200, body));
    expect(await failureOf(restore())).toBeInstanceOf(ActionAnswerUnknownError);
  });

  it('is a refusal where its status is one', async () => {
    upstream.on(action, (response) => {
      json(response, 403, { message: 'no', trace: restoreIssues });
    });
    expect(await failureOf(restore())).toBeInstanceOf(UpstreamRejectedError);
  });
});
