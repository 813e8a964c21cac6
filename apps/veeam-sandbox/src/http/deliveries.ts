import type { Explorer } from '../world/email.js';
import { rawDocument, zipOf, type Download } from '../world/item-archive.js';
import { empty, type Answer } from './api-version.js';
import { factsOf, onlyDocument, type Asked } from './selection.js';

/**
 * By e-mail: one document as it is, everything else as a ZIP.
 * @param explorers whose settings may be used, the first enabled one.
 */
export async function send(
  { exchange, target, selection, members }: Asked,
  explorers: readonly Explorer[],
  status: 200 | 204,
): Promise<Answer> {
  const mail = {
    from: members.text('from') ?? '',
    to: members.required('to'),
    subject: members.text('subject') ?? '',
    text: members.text('text') ?? '',
  };
  const { email } = exchange.world;
  const settings = email.requireEnabled(explorers);
  const accepted = exchange.accept({
    action: 'send',
    ...factsOf(selection, target),
    credentials: undefined,
    options: mail,
  });
  await exchange.faults.reach('running');
  const document = onlyDocument(target, selection);
  const title = `Sending ${selection.title}`;
  const event = selection.session.log({ type: 'Send', status: 'Running', title, message: title, target: mail.to });
  try {
    await email.send(mail, document ? rawDocument(document) : zipOf(selection), settings);
    event.status = 'Success';
    accepted.state = 'finished';
  } catch (error) {
    event.status = 'Failed';
    accepted.state = 'failed';
    throw error;
  } finally {
    event.endedAt = new Date();
  }
  return empty(status);
}

/** A download: one document as it is unless a ZIP is asked for, everything else as a ZIP. */
export async function save({ exchange, target, selection, members }: Asked): Promise<Answer> {
  const asZip = members.flag('asZip') ?? false;
  const accepted = exchange.accept({
    action: 'save',
    ...factsOf(selection, target),
    credentials: undefined,
    options: { asZip },
  });
  await exchange.faults.reach('running');
  const document = asZip ? undefined : onlyDocument(target, selection);
  const { compressed } = exchange.settings.saveMode;
  const download: Download = document ? rawDocument(document) : zipOf(selection, { compressed });
  const title = `Saving ${selection.title}`;
  const event = selection.session.log({ type: 'Save', status: 'Running', title, message: title });
  return {
    kind: 'download',
    download: {
      ...download,
      // The session counts as used, and the event as running, until the last byte is read.
      async *read() {
        const released = selection.session.begin();
        let isWhole = false;
        try {
          yield* download.read();
          isWhole = true;
        } finally {
          released();
          event.status = isWhole ? 'Success' : 'Failed';
          event.endedAt = new Date();
          accepted.state = isWhole ? 'finished' : 'failed';
        }
      },
    },
  };
}
