/** A refusal with the status and text that VB365 would answer with. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function badRequest(message: string): SandboxError {
  return new SandboxError(400, message);
}

/** What upstream answers to most of its own failures. */
export function internalFailure(message: string): SandboxError {
  return new SandboxError(500, message);
}
