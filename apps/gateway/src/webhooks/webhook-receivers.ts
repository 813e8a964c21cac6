import type { Configuration, OwnerNotice, WebhookReceiver } from '@app/config';
import type { Operation } from '@app/store';

type Receivers = Pick<Configuration, 'webhooks' | 'ownerNotice'>;

/** A receiver by the name that deliveries know it by, which stays when its URL or its key changes. */
export interface NamedReceiver {
  readonly name: string;
  readonly receiver: WebhookReceiver;
}

const OWNER_NOTICE = 'owner-notice';

/** Of the application that asked for an operation. */
export function clientReceiver(
  { webhooks }: Receivers,
  { owner }: Pick<Operation, 'owner'>,
): NamedReceiver | undefined {
  const { issuer, clientId } = owner;
  const receiver = webhooks.find((webhook) => webhook.issuer === issuer && webhook.clientId === clientId);
  return receiver && { name: clientName(receiver), receiver };
}

/** Of notices to owners, where such an operation is to be told. */
export function noticeReceiver(
  { ownerNotice }: Receivers,
  operation: Pick<Operation, 'organizationName' | 'action'>,
): NamedReceiver | undefined {
  return ownerNotice && isToldOf(ownerNotice, operation) ? { name: OWNER_NOTICE, receiver: ownerNotice } : undefined;
}

export function receiverNamed({ webhooks, ownerNotice }: Receivers, name: string): WebhookReceiver | undefined {
  return name === OWNER_NOTICE ? ownerNotice : webhooks.find((webhook) => clientName(webhook) === name);
}

function isToldOf(
  { organizations, actions }: OwnerNotice,
  { organizationName, action }: Pick<Operation, 'organizationName' | 'action'>,
): boolean {
  return (organizations?.includes(organizationName) ?? true) && (actions?.includes(action) ?? true);
}

/** An issuer is a URL and has no space. */
function clientName({ issuer, clientId }: { readonly issuer: string; readonly clientId: string }): string {
  return `${issuer} ${clientId}`;
}
