import type { VersionName } from '../src/index.js';
import { contoso } from '../src/people.js';
import type { Operation } from './answer-check.js';
import type { Reply, SandboxClient } from './sandbox-client.js';

/** What ends a session or a login comes last. */
const last = ['Stop', 'logout'];
const placeOf = ({ pattern, action }: Operation): number =>
  action === 'stop' ? 0 : last.findIndex((end) => pattern.endsWith(end));

/** Asks each of the operations of a version once, for what is really there, and throws where one refuses. */
export async function askEach(
  client: SandboxClient,
  version: VersionName,
  operations: readonly Operation[],
): Promise<void> {
  await client.logIn(version);
  const params = await paramsOf(client, version);
  const members = membersOf(client, params);
  for (const operation of operations.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    const reply = await ask(client, version, operation, { params, members });
    if (reply.status >= 300) throw new Error(`${operation.pattern}: ${reply.status} ${reply.text}`);
  }
}

type Params = Readonly<Record<string, string>>;

function ask(
  client: SandboxClient,
  version: VersionName,
  { method, pattern, action }: Operation,
  { params, members }: { params: Params; members: object },
): Promise<Reply> {
  const path = `/${version}/${pattern.replace(/{(\w+)}/g, (__, name: string) => encodeURIComponent(params[name] ?? ''))}`;
  const { username, password } = client.sandbox;
  if (pattern === 'token') return client.form(path, { grant_type: 'password', username, password });
  if (method === 'GET') return client.get(path);
  const body = pattern === 'DeviceCode/check' ? { userCode: 'C6A9DB737' } : members;
  return client.post(path, action === undefined ? body : { [action]: body }, method === 'PUT' ? 'PUT' : 'POST');
}

async function paramsOf(client: SandboxClient, version: VersionName): Promise<Params> {
  const opened = await client.explore(contoso.id);
  const alice = await client.oneDrive(opened, 'Alice');
  const first = async (list: string): Promise<string> => {
    const { results } = (await client.get(list)).json as { results: { id: string }[] };
    return results[0]?.id ?? '';
  };
  const oneDriveId = alice.split('/').at(-1) ?? '';
  const root = version === 'v5' || version === 'v6' ? 'null' : 'root';
  return {
    organizationId: contoso.id,
    userId: await first(`/${version}/Organizations/${contoso.id}/Users`),
    onedriveId: oneDriveId,
    oneDriveId,
    restoreSessionId: opened.split('/').at(-1) ?? '',
    eventId: await first(`${opened}/Events`),
    folderId: await first(`${alice}/Folders`),
    documentId: await first(`${alice}/Documents?parentId=${root}`),
    versionId: '512',
  };
}

/** Whatever any operation asks for; each passes over the rest. */
function membersOf(client: SandboxClient, params: Params): object {
  const { userName, userPassword } = client.account;
  return {
    userName,
    userPassword,
    officeUsername: userName,
    officePassword: userPassword,
    officeUserpassword: userPassword,
    oneDrive: { id: params.oneDriveId },
    oneDrives: [{ id: params.oneDriveId }],
    folders: [{ id: params.folderId }],
    documents: [{ id: params.documentId }],
    query: 'a',
    to: 'x@contoso.onmicrosoft.com',
    email: 'x@contoso.onmicrosoft.com',
    targetApplicationId: client.sandbox.deviceCodeApplicationId,
  };
}
