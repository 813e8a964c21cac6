import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

import { type AuditAction, auditActions, type AuditFilters, exportLines } from '@app/audit';
import { Database } from '@app/store';

import { UsageError } from '../infrastructure/command-line.js';
import { type AuditCommand, PATIENCE_MS, WHOLE } from './audit-command.js';

export function exportCommand(args: string[]): AuditCommand {
  const filters = filtersIn(args);
  return async (configuration) => {
    const database = new Database({ ...configuration.database, patienceMs: PATIENCE_MS });
    try {
      await pipeline(Readable.from(exportLines(database, filters)), process.stdout);
      return WHOLE;
    } finally {
      await database.close();
    }
  };
}

function filtersIn(args: string[]): AuditFilters {
  const one = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      organization: { type: 'string', multiple: true },
      ...{ from: one, to: one, action: one, decision: one, actor: one, issuer: one, operation: one },
    },
  });
  const { organization, decision, actor, issuer } = values;
  if (decision !== undefined && decision !== 'allow' && decision !== 'deny') throw new UsageError('--decision?');
  if (issuer !== undefined && actor === undefined) throw new UsageError('--issuer goes with --actor.');
  return {
    scope: organization && { organizations: organization.map((name) => name.toLowerCase()), includesNone: false },
    from: timeOf(values.from),
    to: timeOf(values.to),
    action: actionOf(values.action),
    decision,
    actor: actor === undefined ? undefined : { subject: actor, issuer },
    operationId: idOf(values.operation),
  };
}

function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new UsageError(`${text} is no time.`);
  return time;
}

function idOf(text: string | undefined): string | undefined {
  // PostgreSQL would refuse anything else, in words that explain nothing.
  if (text !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new UsageError('--operation is the id of an operation.');
  }
  return text;
}

function actionOf(text: string | undefined): AuditAction | undefined {
  if (text === undefined) return undefined;
  const action = auditActions.find((known) => known === text);
  if (action === undefined) throw new UsageError(`--action is one of ${auditActions.join(', ')}.`);
  return action;
}
