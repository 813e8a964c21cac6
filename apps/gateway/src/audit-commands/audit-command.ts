import type { Configuration } from '@app/config';

/** One command, with its arguments read: what it prints goes to standard output, and its result is the exit code. */
export type AuditCommand = (configuration: Configuration) => Promise<number>;

/** 0: whole, or done. 1: broken. */
export const WHOLE = 0;
export const BROKEN = 1;

/** A command may read all there is: an answer of the database may take long, ms. */
export const PATIENCE_MS = 3_600_000;
