import { parseArgs } from 'node:util';

import { ExportedHeads, Month, SealRefusedError, sealMonth } from '@app/audit';
import { SystemClock } from '@app/clock';
import { loadMigrationConfiguration } from '@app/config';
import { Database } from '@app/store';

import { print, UsageError } from '../infrastructure/command-line.js';
import { type AuditCommand, BROKEN, PATIENCE_MS, WHOLE } from './audit-command.js';
import { headsIn, verifyTrail } from './verify-command.js';

export function sealCommand(args: string[]): AuditCommand {
  const one = { type: 'string' } as const;
  const { values } = parseArgs({ args, options: { month: one, out: one, heads: { ...one, multiple: true } } });
  const month = Month.parse(values.month ?? '');
  if (month === undefined) throw new UsageError('--month is such as 2026-09.');
  const path = values.out ?? `audit-${month.toString()}.ndjson`;
  return async ({ audit }) => {
    const now = new Date(new SystemClock().now());
    mustBeOver(month, now, audit.retentionMonths);
    const { ownerUrl, caFile } = await loadMigrationConfiguration();
    const database = new Database({ url: { current: ownerUrl }, caFile, patienceMs: PATIENCE_MS });
    try {
      if (!(await verifyTrail(database, await ExportedHeads.of(headsIn(values.heads ?? []))))) return BROKEN;
      const { rows, chains, digest } = await sealMonth(database, {
        ...{ month, path, now },
        sinks: audit.sinks.map(({ name }) => name),
      });
      print(
        digest === undefined
          ? `Of ${month.toString()} there is nothing left to seal.`
          : `${rows} rows of ${chains} chains are in ${path} now (SHA-256 ${digest}), and sealed.`,
      );
      return WHOLE;
    } finally {
      await database.close();
    }
  };
}

function mustBeOver(month: Month, now: Date, retentionMonths: number | undefined): void {
  const age = month.monthsBefore(now);
  if (age < 0) throw new SealRefusedError(`${month.toString()} is not over yet.`);
  if (retentionMonths === undefined) {
    throw new SealRefusedError('audit.retention is not configured: all months are kept.');
  }
  if (age < retentionMonths) {
    throw new SealRefusedError(`audit.retention keeps the last ${retentionMonths} months; ${month.toString()} is one.`);
  }
}
