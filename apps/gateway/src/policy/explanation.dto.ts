import { ValidationFailedError } from '@app/problems';
import type { ActionItem } from '@app/veeam-client';
import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';

import type { ActionRequest } from '../actions/action-request.js';
import { CopyDto, toCopyRequest } from '../actions/dto/copy.dto.js';
import { RestoreDto, toRestoreRequest } from '../actions/dto/restore.dto.js';
import { SaveDto, toSaveRequest } from '../actions/dto/save.dto.js';
import { SendDto, toSendRequest } from '../actions/dto/send.dto.js';
import { field, NotTogetherWith, ResourceId, SessionId, VersionId } from '../http/fields.js';
import { isJsonObject } from '../http/json-object.js';
import { validateAs } from '../http/validation.js';

const explained = ['browse', 'restore', 'copy', 'send', 'save', 'requestDeviceCode'] as const;

/** What every request to explain has; the members of the action's own body stand beside it. */
export class ExplainDto {
  @SessionId({ description: 'A restore session of yours.' })
  restoreSessionId!: string;

  @ResourceId({ description: 'Left out for `requestDeviceCode` only.', optional: true })
  oneDriveId?: string;

  @ResourceId({ description: 'A folder in it.', optional: true })
  folderId?: string;

  @ResourceId({ description: 'A document in it.', optional: true })
  @NotTogetherWith('folderId')
  documentId?: string;

  @VersionId({ optional: true })
  versionId?: string;

  @field({ description: 'What would be asked for.' }, { enum: [...explained] }, [
    IsIn(explained, { message: `must be one of: ${explained.join(', ')}` }),
  ])
  action!: (typeof explained)[number];
}

export class PolicyDecisionDto {
  @ApiProperty({ enum: ['allow', 'deny'] })
  readonly decision!: 'allow' | 'deny';

  @ApiProperty({
    type: [String],
    description: 'Ids of the policies that decided, or `default-deny` when none permits.',
    example: ['people-act-on-own-onedrive'],
  })
  readonly policies!: readonly string[];

  @ApiProperty({ type: [String], description: 'What went wrong in a policy. An error is a deny.' })
  readonly errors!: readonly string[];
}

/** What is to be explained. */
export type Explained =
  | { readonly sid: string; readonly action: 'requestDeviceCode' }
  | { readonly sid: string; readonly item: ActionItem; readonly action: 'browse' }
  | { readonly sid: string; readonly item: ActionItem; readonly action: 'act'; readonly request: ActionRequest };

/**
 * Reads the body of a request to explain: the action's own body is validated as it is where the action is done.
 * @throws ValidationFailedError
 */
export function readExplained(body: unknown): Explained {
  const { restoreSessionId, oneDriveId, folderId, documentId, versionId, action, ...members } = isJsonObject(body)
    ? body
    : {};
  const named = { restoreSessionId, oneDriveId, folderId, documentId, versionId, action };
  const shared = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  const common = validateAs(ExplainDto, shared);
  const { restoreSessionId: sid } = common;
  if (common.action === 'requestDeviceCode' || common.action === 'browse') {
    validateAs(ExplainDto, { ...shared, ...members });
  }
  if (common.action === 'requestDeviceCode') {
    const superfluous = (['oneDriveId', 'folderId', 'documentId', 'versionId'] as const).filter(
      (field) => common[field] !== undefined,
    );
    if (superfluous.length > 0) {
      throw new ValidationFailedError(
        superfluous.map((field) => ({ field, message: 'must be left out: a device code has none' })),
      );
    }
    return { sid, action: common.action };
  }
  const item = itemOf(common);
  return common.action === 'browse'
    ? { sid, item, action: common.action }
    : { sid, item, action: 'act', request: readRequest(common.action, members) };
}

/** @throws ValidationFailedError when it names a part without the whole */
function itemOf({ action, oneDriveId, folderId, documentId, versionId }: ExplainDto): ActionItem {
  if (oneDriveId === undefined) {
    throw new ValidationFailedError([{ field: 'oneDriveId', message: `is needed to ${action}` }]);
  }
  const itemId = folderId ?? documentId;
  if (itemId !== undefined) {
    return { kind: folderId === undefined ? 'document' : 'folder', oneDriveId, itemId, versionId };
  }
  if (versionId !== undefined) {
    throw new ValidationFailedError([{ field: 'versionId', message: 'must come with folderId or documentId' }]);
  }
  return { kind: 'onedrive', oneDriveId };
}

function readRequest(action: ActionRequest['action'], members: object): ActionRequest {
  switch (action) {
    case 'restore':
      return toRestoreRequest(validateAs(RestoreDto, members));
    case 'copy':
      return toCopyRequest(validateAs(CopyDto, members));
    case 'send':
      return toSendRequest(validateAs(SendDto, members));
    case 'save':
      return toSaveRequest(validateAs(SaveDto, members));
  }
}
