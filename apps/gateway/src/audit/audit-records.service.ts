import {
  type AuditDetail,
  type AuditFilters,
  type AuditPage,
  AuditReader,
  type AuditRecord,
  exportLines,
} from '@app/audit';
import type { Principal } from '@app/identity';
import { Database } from '@app/store';
import { Injectable } from '@nestjs/common';

import { AuditAccess } from '../policy/audit-access.service.js';

/** What an auditor asks for. */
export interface AuditQuestion {
  /** Tenant name in whatever case; all that the caller may read when absent. */
  readonly organization?: string | undefined;
  readonly filters: Omit<AuditFilters, 'scope'>;
}

/** The trail as auditors read it: each request is authorized by itself, and is on the trail before it is answered. */
@Injectable()
export class AuditRecordsService {
  private readonly reader: AuditReader;

  constructor(
    private readonly database: Database,
    private readonly access: AuditAccess,
  ) {
    this.reader = new AuditReader(database);
  }

  async list(principal: Principal, question: AuditQuestion, page: AuditPage): Promise<AuditRecord[]> {
    const scope = await this.scope(principal, question, 'list');
    return this.reader.list({ ...question.filters, scope }, page);
  }

  /** @returns whole lines, a page at a time; the first page is read before this resolves */
  async export(principal: Principal, question: AuditQuestion): Promise<AsyncGenerator<string>> {
    const scope = await this.scope(principal, question, 'export');
    return begun(exportLines(this.database, { ...question.filters, scope }));
  }

  private scope(principal: Principal, { organization, filters }: AuditQuestion, reading: 'list' | 'export') {
    return this.access.readable(principal, { reading, ...asked(filters) }, organization?.toLowerCase());
  }
}

/** What cannot even begin fails as an answer, and not as one that breaks off. */
async function begun(lines: AsyncGenerator<string>): Promise<AsyncGenerator<string>> {
  const first = await lines.next();
  return (async function* () {
    if (first.done) return;
    yield first.value;
    yield* lines;
  })();
}

function asked({ from, to, action, decision, actor, operationId }: AuditQuestion['filters']): AuditDetail {
  return {
    from: from?.toISOString(),
    to: to?.toISOString(),
    action,
    decision,
    actor: actor && { subject: actor.subject, issuer: actor.issuer },
    operationId,
  };
}
