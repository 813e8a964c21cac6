import type { VeeamSandbox } from '../../apps/veeam-sandbox/src/index.js';
import type { Arrival } from './dialects.js';

type Control = Pick<VeeamSandbox['control'], 'received'>;
type Received = ReturnType<Control['received']>[number];

const actions = new Set(['restore', 'copy', 'send', 'save']);

/** A time of ours as upstream is asked for it: with all of its millisecond. */
export function wholeMillisecond(time: string): string {
  return time.replace('Z', '9999Z');
}

/** The restores, copies, sends and saves that reached upstream, whatever it did with them. */
export function actionRequests(control: Control): Received[] {
  return control.received().filter(({ action }) => action !== undefined && actions.has(action));
}

/** The same, as they arrived. */
export function arrivals(control: Control): Arrival[] {
  return actionRequests(control).map(({ method, path, body }) => ({ method, path, body }));
}

/** All that reached upstream beside logins and reads of the catalog: nothing of it may before the full decision. */
export function changes(control: Control): string[] {
  return control
    .received()
    .filter(({ method, route, action }) => method !== 'GET' && route !== 'token' && action !== 'search')
    .map(({ method, path }) => `${method} ${path}`);
}

/** The path and query of every request upstream but logins. */
export function requests(control: Control): string[] {
  return control
    .received()
    .filter(({ route }) => route !== 'token')
    .map(({ method, path }) => `${method} ${path}`);
}
