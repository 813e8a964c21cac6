import { Readable } from 'node:stream';

import { type Clock, underAny } from '@app/clock';
import type { Principal } from '@app/identity';
import type { Logger } from '@app/logging';
import { TooManyDownloadsError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { deliverDownload } from '../downloads/deliver-download.js';
import { CallerSlots } from '../http/caller-slots.js';
import { headersOf } from '../http/reply-headers.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { RunningOperations } from '../operations/running-operations.js';
import { type AuditQuestion, AuditRecordsService } from './audit-records.service.js';

/** Each holds a page of the trail in memory. */
const slotLimits = { what: 'downloads', perCaller: 2, total: 8, retryAfterSeconds: 30, Refusal: TooManyDownloadsError };

/** Answers a request with an export, as fast as the caller takes it. One that is not whole never looks whole. */
@Injectable()
export class AuditExportResponder {
  private readonly slots = new CallerSlots(slotLimits);

  constructor(
    private readonly records: AuditRecordsService,
    private readonly running: RunningOperations,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when the response is over. What it throws was thrown before a byte was sent. */
  async respond(principal: Principal, question: AuditQuestion, reply: FastifyReply): Promise<void> {
    const release = this.slots.acquire(principal);
    try {
      const lines = await this.records.export(principal, question);
      const delivery = underAny([this.running.brokenOff], (brokenOff) =>
        this.deliver(Readable.from(lines, { objectMode: false }), reply, brokenOff),
      );
      this.running.add(delivery);
      await delivery;
    } finally {
      release();
    }
  }

  private async deliver(body: Readable, reply: FastifyReply, brokenOff: AbortSignal): Promise<void> {
    const result = await deliverDownload({
      stream: { body, contentLength: undefined },
      request: reply.request.raw,
      response: reply.raw,
      headers: headersOf(reply),
      contentType: 'application/x-ndjson',
      isZip: false,
      onHead: () => {
        reply.hijack();
      },
      brokenOff,
      finish: () => Promise.resolve(),
      clock: this.clock,
    });
    if (result.state === 'failed') {
      this.logger.warn({ err: result.cause }, 'an export of the audit trail broke off');
    }
  }
}
