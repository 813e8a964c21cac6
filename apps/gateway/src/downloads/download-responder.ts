import { type Clock, underAny } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { Metrics } from '@app/logging';
import { TooManyDownloadsError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import type { ActionTarget, SaveRequest } from '../actions/action-request.js';
import { CallerSlots } from '../http/caller-slots.js';
import { headersOf } from '../http/reply-headers.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { operationLocation } from '../operations/operation-presenter.js';
import { Replica } from '../operations/replica.js';
import { RunningOperations } from '../operations/running-operations.js';
import { contentDisposition } from './content-disposition.js';
import { deliverDownload } from './deliver-download.js';
import { type DownloadSignals, type RunningSave, SavesService } from './saves.service.js';
import { RETRY_AFTER_SECONDS } from './server-downloads.js';

/** Answers a request with a download. */
@Injectable()
export class DownloadResponder {
  private readonly slots: CallerSlots;

  constructor(
    private readonly saves: SavesService,
    private readonly replica: Replica,
    private readonly running: RunningOperations,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits' | 'server'>,
  ) {
    const { downloadsPerCaller, downloadsInAll } = configuration.limits;
    // Upstream builds each file on its own disk before it sends the first byte.
    this.slots = new CallerSlots({
      what: 'downloads',
      perCaller: downloadsPerCaller,
      total: downloadsInAll,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      Refusal: TooManyDownloadsError,
    });
  }

  /** Resolves when the response is over. What it throws was thrown before a byte was sent. */
  respond(principal: Principal, target: ActionTarget, request: SaveRequest, reply: FastifyReply): Promise<void> {
    return this.respondWith(principal, (signals) => this.saves.start(principal, target, request, signals), reply);
  }

  /** As `respond`, with a download that is begun otherwise. @param start called once there is room for another download */
  respondWith(
    principal: Principal,
    start: (signals: DownloadSignals) => Promise<RunningSave>,
    reply: FastifyReply,
  ): Promise<void> {
    const download = underAny([this.running.brokenOff], (brokenOff) =>
      this.download(principal, start, reply, brokenOff),
    );
    this.running.add(download);
    return download;
  }

  private async download(
    principal: Principal,
    start: (signals: DownloadSignals) => Promise<RunningSave>,
    reply: FastifyReply,
    brokenOff: AbortSignal,
  ): Promise<void> {
    this.replica.demandToStay();
    const release = this.slots.acquire(principal);
    const ended = this.metrics.startDownload();
    const callerGone = new AbortController();
    const onClose = () => {
      callerGone.abort(new Error('The caller closed the connection.'));
    };
    const { socket } = reply.raw;
    socket?.once('close', onClose);
    try {
      const save = await start({ callerGone: callerGone.signal, brokenOff });
      const result = await deliverDownload({
        stream: save.stream,
        request: reply.request.raw,
        response: reply.raw,
        headers: {
          ...headersOf(reply),
          'content-disposition': contentDisposition(save.fileName),
          'operation-location': operationLocation(this.configuration.server.publicUrl, save.operation),
        },
        brokenOff,
        isZip: save.isZip,
        onHead: () => {
          reply.hijack();
        },
        finish: save.finish,
        clock: this.clock,
      });
      this.metrics.addDownloadBytes(result.bytes);
    } catch (error) {
      if (!callerGone.signal.aborted) {
        throw error;
      }
      // Nobody is left to answer, and leaving is no failure of ours.
      reply.hijack();
    } finally {
      socket?.off('close', onClose);
      ended();
      release();
    }
  }
}
