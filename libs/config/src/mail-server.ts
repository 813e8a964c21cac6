import type { MailServer } from './configuration.js';
import type { Faults } from './faults.js';
import type { SecretLoader } from './secret-loader.js';
import type { MailServerSettings } from './settings.js';
import { variablesOf } from './validation.js';

type Settings = MailServerSettings | undefined;

/** With its password opened; `folder` is where relative paths start. */
export async function openMailServer(
  settings: Settings,
  folder: string,
  loader: SecretLoader,
): Promise<MailServer | undefined> {
  if (settings === undefined) return undefined;
  const { host, port, from, tls: usesTls, userName, password } = settings;
  const source = password && (await loader.fromReference('mailServer.password', password, folder));
  const login = userName !== undefined && source !== undefined ? { userName, password: source } : undefined;
  return { host, port, from, usesTls, login };
}

export function checkMailServer(settings: Settings, faults: Faults): void {
  if (settings && (settings.userName === undefined) !== (settings.password === undefined)) {
    faults.add('mailServer', 'must have both of userName and password, or none');
  }
}

export function mailServerVariables(settings: Settings): string[] {
  return variablesOf([settings?.password]);
}
