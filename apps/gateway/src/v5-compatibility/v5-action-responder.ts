import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { StillRunningError } from '@app/problems';
import { isFinal } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import type { ActionRequest, ActionTarget } from '../actions/action-request.js';
import { ActionsService } from '../actions/actions.service.js';
import { DownloadResponder } from '../downloads/download-responder.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import { OperationEnds } from '../operations/operation-ends.js';
import { OperationFailedError } from '../operations/operation-failed.error.js';
import { operationLocation } from '../operations/operation-presenter.js';
import { toV5Statistics } from './v5-presenter.js';

/**
 * Answers a v5 Action as upstream does: at its end, with the statistics, a stream, or nothing. Whoever repeats a request while it runs,
 * as a balancer does that has lost patience, waits for the same end; a download is one of its own each time.
 */
@Injectable()
export class V5ActionResponder {
  constructor(
    private readonly actions: ActionsService,
    private readonly downloads: DownloadResponder,
    private readonly ends: OperationEnds,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits' | 'server'>,
  ) {}

  async respond(
    principal: Principal,
    target: ActionTarget,
    request: ActionRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (request.action === 'save') {
      await this.downloads.respond(principal, target, request, reply);
      return;
    }
    const accepted = await this.actions.begin(principal, target, request, 'same-request');
    void reply.header('operation-location', operationLocation(this.configuration.server.publicUrl, accepted));
    // A caller who leaves does not cancel it: the wait ends with the operation, or with our patience.
    const operation = await this.ends.wait(accepted, this.configuration.limits.v5MaxWaitMs);
    if (!isFinal(operation.state)) {
      throw new StillRunningError('The operation goes on; Operation-Location tells where to follow it.');
    }
    const statistics = toV5Statistics(operation);
    if (statistics === undefined && operation.state !== 'succeeded') {
      throw new OperationFailedError(operation);
    }
    await reply.code(200).send(statistics);
  }
}
