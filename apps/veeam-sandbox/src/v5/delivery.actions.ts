import { empty, json, type Answer } from '../http/api-version.js';
import { pageOf } from '../http/paging.js';
import { rawDocument, zipOf, type Download } from '../world/item-archive.js';
import type { Asked } from './actions.routes.js';
import { factsOf } from './restore.actions.js';
import { itemToWire, pageToWire } from './wire.js';

/** By e-mail: one document as it is, everything else as a ZIP. */
export async function send({ exchange, target, selection, members }: Asked): Promise<Answer> {
  const mail = {
    from: members.text('from') ?? '',
    to: members.required('to'),
    subject: members.text('subject') ?? '',
    text: members.text('text') ?? '',
  };
  const { email } = exchange.world;
  const settings = email.requireEnabled();
  const accepted = await exchange.accept({
    action: 'send',
    ...factsOf(selection, target),
    credentials: undefined,
    options: mail,
  });
  const [only] = selection.chosen;
  const isOneDocument = target === 'document' && only?.kind === 'document';
  const title = `Sending ${selection.title}`;
  const event = selection.session.log({ type: 'Send', status: 'Running', title, message: title, target: mail.to });
  try {
    await email.send(mail, isOneDocument ? rawDocument(only) : zipOf(selection), settings);
    event.status = 'Success';
    accepted.state = 'finished';
  } catch (error) {
    event.status = 'Failed';
    accepted.state = 'failed';
    throw error;
  } finally {
    event.endedAt = new Date();
  }
  return empty();
}

/** A download: one document as it is unless a ZIP is asked for, everything else as a ZIP. */
export async function save({ exchange, target, selection, members }: Asked): Promise<Answer> {
  const asZip = members.flag('asZip') ?? false;
  const accepted = await exchange.accept({
    action: 'save',
    ...factsOf(selection, target),
    credentials: undefined,
    options: { asZip },
  });
  const [only] = selection.chosen;
  const isRaw = target === 'document' && !asZip && only?.kind === 'document';
  const { compressed } = exchange.settings.saveMode;
  const download: Download = isRaw ? rawDocument(only) : zipOf(selection, { compressed });
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

export function search({ exchange, selection, members }: Asked): Answer {
  const query = members.required('query').toLowerCase();
  const { session, oneDrive, tree } = selection;
  const found = tree.all().filter(({ name }) => name.toLowerCase().includes(query));
  const path = `restoresessions/${session.id}/organization/onedrives/${oneDrive.id}/action`;
  const page = pageOf(found, exchange.query);
  return json(pageToWire(exchange, page, path, (item) => itemToWire(exchange, session, oneDrive, item)));
}
