import { SystemClock } from '@app/clock';
import { DomainError } from '@app/problems';
import { Secret } from '@app/secrets';
import { inspect } from 'node:util';
import type { LoginSource, UpstreamRequestEvent, VeeamClientOptions } from '../options.js';
import { VeeamClient } from '../veeam-client.js';
import type { ScriptedUpstream } from './scripted-upstream.js';

/** Everything secret in these tests contains this. */
export const CANARY = 'c4n4ry';
export const VEEAM_PASSWORD = `veeam-password-${CANARY}`;

/** @param password in use at first */
export function loginSource(password: string, freshPassword = password): LoginSource {
  const login = (text: string) => ({ username: new Secret('CORP\\gateway'), password: new Secret(text) });
  return {
    current: login(password),
    read: () => Promise.resolve(login(freshPassword)),
    replace(values) {
      Object.assign(this, { current: values });
    },
  };
}

export function clientOf(
  upstream: Pick<ScriptedUpstream, 'url' | 'certificate'>,
  { timeouts, ...options }: Partial<VeeamClientOptions> = {},
): VeeamClient {
  return new VeeamClient({
    url: upstream.url,
    apiVersion: 'v5',
    trust: { kind: 'fingerprint', sha256: upstream.certificate.fingerprint },
    login: loginSource(VEEAM_PASSWORD),
    clock: new SystemClock(),
    timeouts: { retryDelayMs: 1, stopPollMs: 1, ...timeouts },
    ...options,
  });
}

/** The error of a promise that must fail, checked for what must not be in any error that leaves the lib. */
export async function failureOf(promise: Promise<unknown>): Promise<DomainError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw new Error(`not a domain error: ${inspect(error)}`);
  const seen = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + (error.stack ?? '');
  for (const hidden of [CANARY, 'access-token-', 'refresh-token-', 'AxiosError', 'stackTrace']) {
    expect(seen).not.toContain(hidden);
  }
  return error;
}

export function recorder(): { events: UpstreamRequestEvent[]; onRequest: (event: UpstreamRequestEvent) => void } {
  const events: UpstreamRequestEvent[] = [];
  return { events, onRequest: (event) => events.push(event) };
}

export const SESSION_ID = '61954db6-7278-4d26-86f7-888bda5a4ec4';
export const ONEDRIVE_ID = '724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11';
export const SESSION_PATH = `/v5/RestoreSessions/${SESSION_ID}`;
export const ONEDRIVE_PATH = `${SESSION_PATH}/Organization/OneDrives/${ONEDRIVE_ID}`;
export const ITEM = { kind: 'onedrive', oneDriveId: ONEDRIVE_ID } as const;

export function wireSession(state = 'Working') {
  return { id: SESSION_ID, type: 'Veod', state, result: 'Success', creationTime: '2026-01-15T10:00:00.0679711+01:00' };
}
