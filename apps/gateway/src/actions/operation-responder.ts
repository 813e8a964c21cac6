import type { Configuration } from '@app/config';
import { isFinal, type Operation } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { preferredWaitMs } from '../http/prefer.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import { OperationEnds } from '../operations/operation-ends.js';
import { operationLocation, toOperationDto } from '../operations/operation-presenter.js';
import type { OperationDto } from './dto/operation.dto.js';

const POLL_AGAIN_SECONDS = 2;

/** Answers with an operation: 202 and where to follow it, or 200 when a wait was preferred and it has ended within that. */
@Injectable()
export class OperationResponder {
  constructor(
    private readonly ends: OperationEnds,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'server'>,
  ) {}

  async respond(reply: FastifyReply, accepted: Promise<Operation>): Promise<OperationDto> {
    const waitMs = preferredWaitMs(reply.request.headers.prefer);
    const operation = await this.ends.wait(await accepted, waitMs);
    void reply.header('operation-location', operationLocation(this.configuration.server.publicUrl, operation));
    if (waitMs > 0) {
      void reply.header('preference-applied', `wait=${waitMs / 1_000}`);
    }
    if (waitMs > 0 && isFinal(operation.state)) {
      void reply.code(200);
    } else {
      void reply.code(202).header('retry-after', String(POLL_AGAIN_SECONDS));
    }
    return toOperationDto(operation);
  }
}
