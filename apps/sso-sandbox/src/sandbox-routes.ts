import type { Provider } from 'oidc-provider';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { loginPage } from './login-page.js';
import { people, personByLogin, services, subjectOf } from './people.js';
import { LOGIN_PATH } from './provider.js';
import type { SsoSandbox } from './sso-sandbox.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * What the sandbox serves beside the protocol: the sign-in page, and two control routes that no real provider has.
 * The function returned tells whether it took the request.
 */
export function sandboxRoutes(
  sandbox: SsoSandbox,
  provider: () => Provider,
  onError: ((error: Error) => void) | undefined,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const showLogin: Handler = async (request, response) => {
    const { uid, params } = await provider().interactionDetails(request, response);
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end(loginPage(uid, String(params.client_id)));
  };

  const logIn: Handler = async (request, response) => {
    const person = personByLogin(new URLSearchParams(await text(request)).get('login') ?? '');
    if (!person) {
      answer(response, 400, { error: 'Nobody has that login.', logins: people.map(({ login }) => login) });
      return;
    }
    // A native client wants a consent result every time; who may have what is decided by loadExistingGrant.
    const result = { login: { accountId: subjectOf(person) }, consent: {} };
    await provider().interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  };

  const issueToken: Handler = async (request, response) => {
    const { name } = await readBody<{ name?: unknown }>(request);
    const names = [...people.map((person) => person.name), ...services.map(({ clientId }) => clientId)];
    if (typeof name !== 'string' || !names.includes(name)) {
      answer(response, 404, { error: 'Nobody has that name.', names });
      return;
    }
    answer(response, 200, { access_token: await sandbox.token(name), token_type: 'Bearer' });
  };

  const rotateKeys: Handler = async (request, response) => {
    const { dropOld } = await readBody<{ dropOld?: unknown }>(request);
    await sandbox.rotateKeys({ dropOld: dropOld === true });
    answer(response, 200, { kid: sandbox.signingKey().kid });
  };

  const find = (request: IncomingMessage): Handler | undefined => {
    const path = request.url?.split('?')[0] ?? '';
    if (path.startsWith(`${LOGIN_PATH}/`)) {
      if (request.method === 'GET') return showLogin;
      return request.method === 'POST' ? logIn : undefined;
    }
    if (request.method !== 'POST') return undefined;
    if (path === '/sandbox/token') return isFromThisMachine(request) ? issueToken : undefined;
    if (path === '/sandbox/rotate-keys') return isFromThisMachine(request) ? rotateKeys : undefined;
    return undefined;
  };

  return (request, response) => {
    const handler = find(request);
    handler?.(request, response).catch((error: unknown) => {
      const { message, statusCode = 500 } = error as Error & { statusCode?: number };
      if (statusCode >= 500) onError?.(error as Error);
      if (!response.headersSent) answer(response, statusCode, { error: message });
    });
    return handler !== undefined;
  };
}

/** A control route asks for no proof, so only a program on this machine may use it, and no web page open in a browser. */
function isFromThisMachine(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  return (address.startsWith('127.') || address === '::1') && request.headers.origin === undefined;
}

async function readBody<T extends object>(request: IncomingMessage): Promise<Partial<T>> {
  try {
    const body = await json(request);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}
