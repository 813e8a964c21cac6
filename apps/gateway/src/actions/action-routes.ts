import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';

import { TakesIdempotencyKey } from '../http/idempotency-key.js';
import { Requires } from '../policy/requires.decorator.js';
import { OperationDto } from './dto/operation.dto.js';

/*
 * The four actions are the same on every level of items: each is a route below the item, with these declarations.
 */

export function RestoreRoute(what: string): MethodDecorator {
  return operationRoute('restore', `Restores ${what} to the original location.`);
}

export function CopyRoute(what: string): MethodDecorator {
  return operationRoute('copy', `Copies ${what} into another OneDrive of the same organization.`);
}

export function SendRoute(what: string): MethodDecorator {
  return operationRoute('send', `Mails ${what} as an attachment.`);
}

/** @param how it comes, for whom that is not plain */
export function SaveRoute(what: string, how: string): MethodDecorator {
  return applyDecorators(
    Post('save'),
    HttpCode(200),
    Requires('save'),
    ApiOperation({
      summary: `Downloads ${what}${how}. \`Operation-Location\` tells where its size and digest will be.`,
    }),
    ApiProduces('application/octet-stream'),
    ApiOkResponse({ content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } }),
  );
}

function operationRoute(verb: 'restore' | 'copy' | 'send', summary: string): MethodDecorator {
  return applyDecorators(
    Post(verb),
    HttpCode(202),
    Requires(verb),
    TakesIdempotencyKey(),
    ApiOperation({ summary }),
    ApiHeader({
      name: 'Prefer',
      required: false,
      description: '`wait=N` waits up to N (0 to 60) seconds for the end and answers 200 if it came.',
    }),
    ApiAcceptedResponse({ type: OperationDto }),
    ApiOkResponse({ type: OperationDto }),
  );
}
