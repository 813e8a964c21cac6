import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isNativeError } from 'node:util/types';

import type { Clock } from '@app/clock';
import type { WebhookReceiver } from '@app/config';
import type { Secret } from '@app/secrets';
import { Client } from 'undici';

/** From connecting to the status of the answer, ms. */
export const ATTEMPT_MS = 15_000;

/** Of the answer, which nobody looks at: enough for what a polite receiver says. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** It was not delivered, or nobody knows: the message says why in words of ours and codes, never in the receiver's. */
export class WebhookFailure extends Error {
  override readonly name = 'WebhookFailure';
}

/**
 * Posts one message, signed, over a connection of its own. Delivered is what was answered with a 2xx; redirects are not
 * followed, and no proxy of the environment is used.
 * @throws WebhookFailure
 */
export async function sendWebhook(
  receiver: WebhookReceiver,
  { id, body }: { readonly id: string; readonly body: string },
  clock: Clock,
): Promise<void> {
  const { origin, pathname } = new URL(receiver.url);
  const timestamp = Math.floor(clock.now() / 1_000);
  const deadline = new AbortController();
  const cancel = clock.schedule(() => {
    deadline.abort(new WebhookFailure('no answer in time'));
  }, ATTEMPT_MS);
  let client: Client | undefined;
  try {
    client = new Client(origin, {
      // Read at each attempt, so that a renewed CA needs no restart.
      connect: { timeout: ATTEMPT_MS, ...(receiver.caFile !== undefined && { ca: await readFile(receiver.caFile) }) },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const answer = await client.request({
      method: 'POST',
      path: pathname,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'restore-gateway',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signaturesOf(receiver, `${id}.${timestamp}.${body}`),
      },
      body,
      signal: deadline.signal,
      reset: true,
    });
    // Its status has said all: a body that breaks off or never ends changes nothing.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal: deadline.signal }).catch(() => undefined);
    if (answer.statusCode < 200 || answer.statusCode > 299) throw new WebhookFailure(`answered ${answer.statusCode}`);
  } catch (error) {
    throw toFailure(error);
  } finally {
    cancel();
    void client?.destroy();
  }
}

/** By every key, so that a receiver may know the old or the new one while it is replaced. */
function signaturesOf({ keys }: WebhookReceiver, content: string): string {
  return keys.map(({ current }) => `v1,${sign(current, content)}`).join(' ');
}

function sign(key: Secret, content: string): string {
  const bytes = Buffer.from(key.expose().slice('whsec_'.length), 'base64');
  return createHmac('sha256', bytes).update(content).digest('base64');
}

/** The errors of libraries hold requests and headers: only their code goes on, or their name. */
function toFailure(error: unknown): WebhookFailure {
  if (error instanceof WebhookFailure) return error;
  if (!isNativeError(error)) return new WebhookFailure('could not be sent');
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return new WebhookFailure(`could not be sent (${code})`);
}
