import { resolve } from 'node:path';
import type { SecretSource } from '@app/secrets';
import type { Configuration, WebhookReceiver } from './configuration.js';
import type { NamedFiles } from './files.js';
import type { SecretLoader } from './secret-loader.js';
import type { ClientWebhookSettings, OwnerNoticeSettings, Settings } from './settings.js';
import { variablesOf } from './validation.js';

type Webhooks = Pick<Configuration, 'webhooks' | 'ownerNotice'>;
type ReceiverSettings = ClientWebhookSettings | OwnerNoticeSettings;

/** Opens what `checkReferences` has looked at; what cannot be had is among the faults. `folder` is where relative paths start. */
export async function openWebhooks(
  { webhooks, ownerNotice }: Pick<Settings, 'webhooks' | 'ownerNotice'>,
  issuers: readonly string[],
  folder: string,
  loader: SecretLoader,
  files: NamedFiles,
): Promise<Webhooks> {
  const open = (receiver: ReceiverSettings, key: string) => openReceiver(receiver, key, folder, loader, files);
  const opening = webhooks.map(async (webhook, index) => ({
    issuer: issuerOf(webhook, issuers),
    clientId: webhook.clientId,
    ...(await open(webhook, `webhooks[${index}]`)),
  }));
  return {
    webhooks: await Promise.all(opening),
    ownerNotice: ownerNotice && {
      organizations: ownerNotice.organizations,
      actions: ownerNotice.actions,
      ...(await open(ownerNotice, 'ownerNotice')),
    },
  };
}

/** The one there is, where there is one. A client id says nothing without its issuer. */
export function issuerOf({ issuer }: Pick<ClientWebhookSettings, 'issuer'>, issuers: readonly string[]): string {
  return issuer ?? issuers[0] ?? '';
}

export function keysOf({ webhooks, ownerNotice }: Webhooks): SecretSource[] {
  return [...webhooks, ...(ownerNotice ? [ownerNotice] : [])].flatMap(({ keys }) => keys);
}

/** The variables that keys come from. */
export function webhookVariables({ webhooks, ownerNotice }: Settings): string[] {
  const receivers = [...webhooks, ...(ownerNotice ? [ownerNotice] : [])];
  return variablesOf(receivers.flatMap(({ secret, previousSecret }) => [secret, previousSecret]));
}

async function openReceiver(
  { url, caFile, secret, previousSecret }: ReceiverSettings,
  key: string,
  folder: string,
  loader: SecretLoader,
  files: NamedFiles,
): Promise<WebhookReceiver> {
  const keys = [
    await loader.fromReference(`${key}.secret`, secret, folder, 'webhook-key'),
    previousSecret && (await loader.fromReference(`${key}.previousSecret`, previousSecret, folder, 'webhook-key')),
  ];
  return {
    url,
    caFile: caFile === undefined ? undefined : await files.certificate(resolve(folder, caFile), `${key}.caFile`),
    keys: keys.filter((source) => source !== undefined),
  };
}
