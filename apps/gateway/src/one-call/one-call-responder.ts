import type { Principal } from '@app/identity';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import type { OperationDto } from '../actions/dto/operation.dto.js';
import { OperationResponder } from '../actions/operation-responder.js';
import type { RepeatBy } from '../actions/repeated-requests.service.js';
import { DownloadResponder } from '../downloads/download-responder.js';
import type { DownloadSignals } from '../downloads/saves.service.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import type { OneCallDownload, OneCallRestore } from './one-call-request.js';
import type { PreviewDto } from './one-call.dto.js';
import { OneCallService } from './one-call.service.js';
import { toPreviewDto } from './preview-presenter.js';

/** Answers requests that do all in one call. */
@Injectable()
export class OneCallResponder {
  constructor(
    private readonly oneCall: OneCallService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  /** With the operation, or 200 with a preview that was asked for instead. */
  async restore(
    principal: Principal,
    asked: OneCallRestore,
    repeatBy: RepeatBy | undefined,
    reply: FastifyReply,
  ): Promise<OperationDto | PreviewDto> {
    if (asked.isDryRun) {
      void reply.code(200);
      return toPreviewDto(await this.oneCall.preview(principal, asked));
    }
    return this.operations.respond(reply, this.oneCall.restore(principal, asked, repeatBy));
  }

  async download(principal: Principal, asked: OneCallDownload, reply: FastifyReply): Promise<void> {
    let opened: RestoreSession | undefined;
    const start = async (signals: DownloadSignals) => {
      const { save, session } = await this.oneCall.download(principal, asked, signals);
      opened = session;
      return save;
    };
    try {
      await this.downloads.respondWith(principal, start, reply);
    } finally {
      if (opened) await this.oneCall.stop(opened);
    }
  }
}
