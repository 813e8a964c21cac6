import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { cut, type PageDto, pageDtoOf, readPageAfter } from '../http/list.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { AuditExportResponder } from './audit-export-responder.js';
import { auditPositions, toAuditFilters, toAuditRecordDto } from './audit-record-presenter.js';
import { AuditRecordDto, AuditRecordFilters, ListAuditRecordsQuery } from './audit-records.dto.js';
import { type AuditQuestion, AuditRecordsService } from './audit-records.service.js';

@ApiTags('audit')
@Controller('api/v1/audit-records')
export class AuditRecordsController {
  constructor(
    private readonly records: AuditRecordsService,
    private readonly exports: AuditExportResponder,
  ) {}

  /** The audit records of the organizations you are auditor of, newest first. That you read them is a record as well. */
  @Get()
  @Requires('readAuditRecords')
  @ApiOkResponse({ type: pageDtoOf(AuditRecordDto) })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListAuditRecordsQuery,
  ): Promise<PageDto<AuditRecordDto>> {
    const question = toQuestion(query);
    const listing = `audit-records ${JSON.stringify(question)}`;
    return readPageAfter(principal, listing, query, auditPositions, async ({ limit, after }) => {
      const { items, hasMore } = cut(await this.records.list(principal, question, { after, limit: limit + 1 }), limit);
      return { items: items.map(toAuditRecordDto), last: hasMore ? items.at(-1) : undefined };
    });
  }

  /**
   * The same records as NDJSON, chain by chain: `{hash, prev, record}` with each record as it was hashed, then the heads
   * of all chains.
   */
  @Get('export')
  @Requires('readAuditRecords')
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({ schema: { type: 'string' } })
  async export(
    @CurrentPrincipal() principal: Principal,
    @Query() query: AuditRecordFilters,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.exports.respond(principal, toQuestion(query), reply);
  }
}

function toQuestion(query: AuditRecordFilters): AuditQuestion {
  return { organization: query.organization, filters: toAuditFilters(query) };
}
