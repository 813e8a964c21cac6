import { BodyText, HeaderText, MailAddress, OnBehalfOf, Reason } from '../../http/fields.js';
import type { SendRequest } from '../action-request.js';

/** Body of `send`: by e-mail, as an attachment, to one mailbox. */
export class SendDto {
  @MailAddress({
    description: 'Sender: your own verified address or a configured sender. By default the former, else the latter.',
    optional: true,
  })
  from?: string;

  @MailAddress({ description: 'The one recipient.', example: 'r.clark@contoso.com' })
  to!: string;

  @HeaderText(255, { description: 'Subject of the message.' })
  subject!: string;

  @BodyText(20_000, { description: 'Text of the message.' })
  text!: string;

  @Reason()
  reason?: string;

  @OnBehalfOf()
  onBehalfOf?: string;
}

export function toSendRequest(dto: SendDto): SendRequest {
  return {
    action: 'send',
    from: dto.from,
    to: dto.to,
    subject: dto.subject,
    text: dto.text,
    reason: dto.reason,
    onBehalfOf: dto.onBehalfOf,
  };
}
