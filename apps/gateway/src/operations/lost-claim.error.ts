/** Another replica has taken an operation over meanwhile: nothing more may be done for it, and nothing was written. */
export class LostClaimError extends Error {
  override readonly name = 'LostClaimError';

  constructor() {
    super('Another replica has taken the operation over.');
  }
}
