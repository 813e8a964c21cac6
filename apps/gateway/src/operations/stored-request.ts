import type { CopyOptions, MailOptions, RestoreOptions } from '@app/veeam-client';

/** An authorized request as it is stored with its operation: targets resolved, no secret in it. */
export type StoredRequest =
  | ({ readonly action: 'restore' } & RestoreOptions)
  | ({ readonly action: 'copy' } & CopyOptions)
  | ({ readonly action: 'send' } & MailOptions)
  | { readonly action: 'save'; readonly asZip: boolean };
