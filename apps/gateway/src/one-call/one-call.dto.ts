import { InternalError, ValidationFailedError } from '@app/problems';
import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath, IntersectionType } from '@nestjs/swagger';
import { IsIn } from 'class-validator';

import type { QueuedRequest } from '../actions/action-request.js';
import { CopyDto, toCopyRequest } from '../actions/dto/copy.dto.js';
import { OperationItemDto } from '../actions/dto/operation-item.dto.js';
import { RestoreDto, toRestoreRequest } from '../actions/dto/restore.dto.js';
import { SendDto, toSendRequest } from '../actions/dto/send.dto.js';
import { OneDriveDto } from '../catalog/catalog.dto.js';
import { field, Flag, MailAddress, OnBehalfOf, Reason, ResourceId, text } from '../http/fields.js';
import { Instant, toInstant } from '../http/instant.js';
import { isJsonObject } from '../http/json-object.js';
import { validateAs } from '../http/validation.js';
import type { OneCallDownload, OneCallPlace, OneCallRestore } from './one-call-request.js';

const oneCallActions = ['restore', 'copy', 'send'] as const;

/** Where something is, in words that a caller knows without having looked. */
export class OneCallDto {
  @text(
    { description: 'Id or tenant name of the organization.', example: 'contoso.onmicrosoft.com' },
    /^[A-Za-z0-9.+/=_-]{1,256}$/,
    'must be the id or the tenant name of an organization',
  )
  readonly organization!: string;

  @MailAddress({
    description: 'The login of the person whose OneDrive is meant.',
    optional: true,
    example: 'alice@contoso.onmicrosoft.com',
  })
  readonly user?: string;

  @ResourceId({ description: 'The OneDrive, in place of `user`: for people who have two.', optional: true })
  readonly oneDriveId?: string;

  @Instant({
    description: 'Goes by the newest backup at or before this time. Default: the newest of all.',
    optional: true,
    example: '2026-03-01T08:00:00Z',
  })
  readonly pointInTime?: string;

  @text(
    {
      description:
        'A folder or document, by its names from the root on. Case makes no difference. Default: the OneDrive as a whole.',
      optional: true,
      example: 'Documents/Plan.md',
    },
    /^(?=[^\p{Cc}\p{Cs}]{1,1000}$)\/?(?!\.{1,2}(?:\/|$))[^/]+(?:\/(?!\.{1,2}(?:\/|$))[^/]+)*\/?$/u,
    'must be names with / between them, 1 to 1000 characters',
  )
  readonly path?: string;

  @Flag({
    description: 'Looks among items too that had been deleted before the backup.',
    optional: true,
    default: false,
  })
  readonly showDeleted?: boolean;

  @Reason()
  readonly reason?: string;

  @OnBehalfOf()
  readonly onBehalfOf?: string;
}

/** What stands in the body of `POST /restores` beside the members of the action's own body. */
export class OneCallRestoreDto extends OneCallDto {
  @field({ description: 'What is to be done.' }, { enum: [...oneCallActions] }, [
    IsIn(oneCallActions, { message: `must be one of: ${oneCallActions.join(', ')}` }),
  ])
  readonly action!: (typeof oneCallActions)[number];

  @Flag({ description: 'Only tells what it would be, and whether it is permitted.', optional: true, default: false })
  readonly dryRun?: boolean;
}

class OneCallRestoreBody extends IntersectionType(OneCallRestoreDto, RestoreDto) {}
class OneCallCopyBody extends IntersectionType(OneCallRestoreDto, CopyDto) {}
class OneCallSendBody extends IntersectionType(OneCallRestoreDto, SendDto) {}

/** For the OpenAPI document: which members there are depends on the action. */
export const OneCallBodies = ApiExtraModels(OneCallRestoreBody, OneCallCopyBody, OneCallSendBody);
export const oneCallBodySchema = {
  oneOf: [OneCallRestoreBody, OneCallCopyBody, OneCallSendBody].map((body) => ({ $ref: getSchemaPath(body) })),
};

export class OneCallDownloadDto extends OneCallDto {
  @Flag({ description: 'A single document as a ZIP; all else is one anyway.', optional: true, default: false })
  readonly asZip?: boolean;
}

/** What a request would be about. Nothing was done. */
export class PreviewDto {
  @ApiProperty({ type: String })
  readonly organizationId!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'The newest backup is of then, or a little before.' })
  readonly pointInTime!: string;

  @ApiProperty({ type: OneDriveDto })
  readonly oneDrive!: OneDriveDto;

  @ApiProperty({ type: OperationItemDto })
  readonly item!: OperationItemDto;

  @ApiPropertyOptional({ type: String, description: 'What the folder or document is called.' })
  readonly name?: string;

  @ApiProperty({ type: 'integer' })
  readonly folders!: number;

  @ApiProperty({ type: 'integer' })
  readonly documents!: number;

  @ApiProperty({ type: 'integer', format: 'int64' })
  readonly bytes!: number;

  @ApiProperty({ type: Boolean, description: 'Whether all was counted; nothing beyond 10,000 items is.' })
  readonly isComplete!: boolean;

  @ApiPropertyOptional({ type: String, description: 'The credential profile that would be used.' })
  readonly credentialProfile?: string;

  @ApiProperty({ enum: ['allow', 'deny'] })
  readonly decision!: 'allow' | 'deny';

  @ApiProperty({ type: [String], description: 'Ids of the policies that decided.' })
  readonly policies!: readonly string[];
}

/** Which members there are depends on the action. @throws ValidationFailedError */
export function readOneCallRestore(body: unknown): OneCallRestore {
  const members = isJsonObject(body) ? body : {};
  switch (members.action) {
    case 'restore': {
      const dto = validateAs(OneCallRestoreBody, members);
      return toOneCall(dto, withoutCode(toRestoreRequest(dto)));
    }
    case 'copy': {
      const dto = validateAs(OneCallCopyBody, members);
      return toOneCall(dto, withoutCode(toCopyRequest(dto)));
    }
    case 'send': {
      const dto = validateAs(OneCallSendBody, members);
      return toOneCall(dto, toSendRequest(dto));
    }
    default:
      validateAs(OneCallRestoreDto, members);
      throw new InternalError('A single call without an action passed the validation.');
  }
}

export function toOneCallDownload(dto: OneCallDownloadDto): OneCallDownload {
  const { reason, onBehalfOf, asZip = false } = dto;
  return { place: toPlace(dto), request: { action: 'save', asZip, reason, onBehalfOf } };
}

function toOneCall(dto: OneCallRestoreDto, request: QueuedRequest): OneCallRestore {
  return { place: toPlace(dto), request, isDryRun: dto.dryRun ?? false };
}

function withoutCode<T extends { readonly userCode?: unknown }>(request: T): T {
  if (request.userCode !== undefined) {
    const message = 'is good in the restore session it was issued in only, and this request opens one of its own';
    throw new ValidationFailedError([{ field: 'userCode', message }]);
  }
  return request;
}

function toPlace(dto: OneCallDto): OneCallPlace {
  const { organization, pointInTime, path = '', showDeleted = false, reason, onBehalfOf } = dto;
  return {
    organization: organization.toLowerCase(),
    whose: toWhose(dto),
    pointInTime: pointInTime === undefined ? undefined : toInstant(pointInTime).toISOString(),
    showDeleted,
    path: path.split('/').filter((name) => name !== ''),
    reason,
    onBehalfOf,
  };
}

function toWhose({ user, oneDriveId }: OneCallDto): OneCallPlace['whose'] {
  if (user !== undefined && oneDriveId === undefined) return { user };
  if (oneDriveId !== undefined && user === undefined) return { oneDriveId };
  throw new ValidationFailedError([{ field: 'user', message: 'must be given, or else oneDriveId, and not both' }]);
}
