import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SigningKeys } from '../apps/sso-sandbox/src/signing-keys.js';
import { openDataFolder } from '../apps/veeam-sandbox/src/data-folder.js';

/*
 * Makes the keys that the sandboxes of a test run share, in the folder that is its argument: of all that a sandbox does
 * at its start, making them takes longest. Passwords and ids are each world's own.
 */

const [folder = '.'] = process.argv.slice(2);
await Promise.all([
  SigningKeys.load(join(folder, 'sso', 'signing-keys.json')),
  openDataFolder(join(folder, 'veeam'), {}),
]);
for (const own of ['application.id', 'restore.password', 'veeam.password', 'production'])
  await rm(join(folder, 'veeam', own), { recursive: true });
