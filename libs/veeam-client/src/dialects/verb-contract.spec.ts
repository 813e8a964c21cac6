import { ManualClock } from '@app/clock';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientOf } from '../testing/client-of.js';
import { everyCallOf, organizationId } from '../testing/every-call.js';
import { makeCertificate, ok, ScriptedUpstream, status } from '../testing/scripted-upstream.js';
import {
  deviationsOf,
  type OpenApiDocument,
  operationsOf,
  resolverOf,
  type WireRequest,
} from '../testing/wire-check.js';
import { verbOperations, type VerbVersion } from '../testing/wire-schemas/verb-versions.js';
import { toJson } from '../wire/body.js';
import type { Call } from '../wire/call.js';
import { v6 } from './v6/index.js';
import { v7 } from './v7/index.js';
import { v8 } from './v8/index.js';

const verbVersions = [
  { version: 'v6' as VerbVersion, dialect: v6 },
  { version: 'v7' as VerbVersion, dialect: v7 },
  { version: 'v8' as VerbVersion, dialect: v8 },
];

/** A form is all text; `true` stands for the boolean that it means. */
const formOf = (body: string) =>
  Object.fromEntries([...new URLSearchParams(body)].map(([name, value]) => [name, value === 'true' ? true : value]));

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The vendor lists the two values of `documentAction` the other way round. */
const inOrder = (fault: string) => fault.replace('Overwrite or Keep', 'Keep or Overwrite');

describe.each(verbVersions)('every request to $version', ({ version, dialect }) => {
  const calls = everyCallOf(dialect);
  const operations = verbOperations(version);
  const vendorDocument = join(process.cwd(), `../shared/upstream/openapi-${version}.json`);

  const requestOf = ({ method, route, body }: Call<unknown>): WireRequest => ({
    method,
    url: `/${version}${route.path}`,
    body: body === undefined ? undefined : JSON.parse(toJson(body)),
  });

  /** Logins are no calls of the dialect: these are what really came. */
  async function loginRequests(): Promise<WireRequest[]> {
    const upstream = await ScriptedUpstream.start(makeCertificate());
    const clock = new ManualClock();
    const client = clientOf(upstream, { apiVersion: version, clock });
    try {
      upstream.on(`GET /${version}/Organizations`, ok(version === 'v8' ? { results: [] } : []));
      upstream.on(`POST /${version}/token/logout`, status(204));
      await client.checkHealth();
      await clock.advance(3_600_000);
      await client.listOrganizations();
      await client.logout();
      return upstream.received.map(({ method, url, headers, body }) => ({
        method,
        url,
        body: headers['content-type'] ? formOf(body) : undefined,
      }));
    } finally {
      await client.close();
      await upstream.close();
    }
  }

  const allRequests = async () => [...Object.values(calls).flat().map(requestOf), ...(await loginRequests())];

  it('is one of our own wire schemas, and all of those are used', async () => {
    const requests = await allRequests();
    expect(requests.flatMap((request) => deviationsOf(request, operations))).toEqual([]);
    const unused = operations.filter((operation) =>
      requests.every((request) =>
        deviationsOf(request, [operation]).some((fault) => fault.endsWith('is no operation')),
      ),
    );
    expect(unused).toEqual([]);
    report(`${version}: ${requests.length} requests checked against ${operations.length} wire schemas of our own`);
  });

  const isThere = existsSync(vendorDocument);
  if (!isThere) report(`${version}: SKIPPED the check against the vendor's document, which is not there`);

  (isThere ? describe : describe.skip)("against the vendor's document", () => {
    const document = isThere ? (JSON.parse(readFileSync(vendorDocument, 'utf8')) as OpenApiDocument) : undefined;
    const check = (request: WireRequest) =>
      document
        ? deviationsOf(request, operationsOf(document), resolverOf(document)).filter((fault) => !isOfNamedItem(fault))
        : [];
    /** Items are named by their ids alone, as every client does: the document reuses the schema of answers there. */
    const isOfNamedItem = (fault: string) => /: body\.(?:folders|documents)\[\d+\]\.(?!id )\w+ is missing$/.test(fault);

    it('every request holds', async () => {
      const requests = await allRequests();
      expect(requests.flatMap(check)).toEqual([]);
      report(`${version}: ${requests.length} requests checked against the vendor's document`);
    });

    it.each(plantedDeviations())('a planted deviation is found: %s', (_, request, deviation) => {
      expect(check(request).map(inOrder)).toEqual([deviation]);
    });

    it('every error code is in the table but the one that says nothing', () => {
      const codes = document?.components.schemas.RESTExceptionInfo?.properties?.errorCode?.enum ?? [];
      expect([...Object.keys(dialect.refusals.errorCodes), 'HttpError'].sort()).toEqual(
        [...new Set([...codes.filter((code) => code !== null), 'HttpError'])].sort(),
      );
    });
  });

  it.each(plantedDeviations())('our own schemas find a planted deviation: %s', (_, request, deviation) => {
    expect(deviationsOf(request, operations)).toEqual([deviation]);
  });

  it.each(['Folders', 'Documents'])('our own schemas find the root of %s by the word of another version', (items) => {
    const other = version === 'v6' ? 'root' : 'null';
    const urls = calls.listItems.map((call) => requestOf(call).url).filter((url) => url.includes(`/${items}?`));
    const faults = urls
      .map((url) => url.replace(/parentId=(?:null|root)(?=&)/, `parentId=${other}`))
      .filter((url) => !urls.includes(url))
      .flatMap((url) => deviationsOf({ method: 'GET', url, body: undefined }, operations));
    expect(faults).toEqual([expect.stringMatching(new RegExp(`/${items}: \\?parentId is no uuid$`))]);
  });

  it('our own schemas want every member that is always sent', () => {
    const [copy] = calls.copy.map(requestOf).map((request) => {
      const body = Object.fromEntries(
        Object.entries(request.body as object).filter(([name]) => name !== 'changedItems'),
      );
      return deviationsOf({ ...request, body }, operations);
    });
    expect(copy).toEqual([expect.stringMatching(/copyTo: body\.changedItems is missing$/)]);
  });

  function plantedDeviations(): [string, WireRequest, string][] {
    const template = `/${version}/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}`;
    const first = ([call]: Call<unknown>[]): WireRequest =>
      call ? requestOf(call) : { method: 'none', url: '', body: undefined };
    const restore = first(calls.restore);
    const members = restore.body as Record<string, unknown>;
    const explore = first(calls.openRestoreSession);
    const of = (name: string, fault: string) => `POST ${template}/${name}: ${fault}`;
    return [
      [
        'a member of v5',
        { ...restore, body: { ...members, documentVersion: 'last' } },
        of('restore', 'body.documentVersion is unknown'),
      ],
      [
        'a value of v5',
        { ...restore, body: { ...members, documentAction: 'keep' } },
        of('restore', 'body.documentAction is keep, not Keep or Overwrite'),
      ],
      ['a verb without its body', { ...restore, body: undefined }, of('restore', 'has no body')],
      ['a body where there is none', { ...first(calls.save), body: { save: null } }, of('save', 'has a body')],
      [
        'a path of v5',
        { ...restore, url: restore.url.replace(/restore$/, 'Action') },
        `POST ${restore.url.replace(/restore$/, 'Action')} is no operation`,
      ],
      [
        'a query of v5',
        { method: 'GET', url: `/${version}/Organizations/${organizationId}/Users?username=a`, body: undefined },
        `GET /${version}/Organizations/{organizationId}/Users: ?username is unknown`,
      ],
      [
        'a time without a zone',
        { ...explore, body: { ...(explore.body as object), dateTime: '2026-01-10 12:00:00' } },
        `POST /${version}/Organizations/{organizationId}/explore: body.dateTime is no date-time`,
      ],
      [
        'an id of another shape',
        { method: 'GET', url: `/${version}/RestoreSessions/1`, body: undefined },
        `GET /${version}/RestoreSessions/{restoreSessionId}: {restoreSessionId} is no uuid`,
      ],
    ];
  }
});
