import type { Secret } from '@app/secrets';
import { Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';

import {
  ExactlyOneOf,
  Flag,
  MailAddress,
  NotTogetherWith,
  OnBehalfOf,
  OneOf,
  Reason,
  ResourceId,
  field,
} from '../../http/fields.js';
import type { CopyRequest, CopyTarget } from '../action-request.js';
import { CredentialProfile, UserCode } from './credential-fields.js';
import { TargetFolder } from './target-folder.js';

const oneTarget = 'must be an object with exactly one of: oneDriveId, user';

export class CopyTargetDto {
  @ResourceId({ description: 'The OneDrive to copy into.', optional: true })
  oneDriveId?: string;

  @MailAddress({ description: 'The login of the user whose OneDrive to copy into.', optional: true })
  user?: string;
}

/** Body of `copy`: into another OneDrive of the same organization. */
export class CopyDto {
  @field({ description: 'Where to: exactly one of `oneDriveId` and `user`.' }, { type: () => CopyTargetDto }, [
    ExactlyOneOf(['oneDriveId', 'user'], oneTarget),
    ValidateNested({ message: oneTarget }),
    Type(() => CopyTargetDto),
  ])
  target!: CopyTargetDto;

  @TargetFolder()
  folder?: string;

  @OneOf(['last', 'all'], {
    description: 'Which versions of each document are copied.',
    optional: true,
    default: 'last',
  })
  documentVersion?: 'last' | 'all';

  @OneOf(['merge', 'overwrite'], {
    description: 'What happens to the last version of a document that is there already.',
    optional: true,
    default: 'merge',
  })
  documentLastVersionAction?: 'merge' | 'overwrite';

  @Flag({ description: 'Copy items that were changed since.', optional: true, default: false })
  changedItems?: boolean;

  @Flag({ description: 'Copy items that were deleted since.', optional: true, default: false })
  deletedItems?: boolean;

  @Flag({ description: 'Copy the permissions of the items too.', optional: true, default: false })
  restorePermissions?: boolean;

  @Flag({ description: 'Tell the people items are shared with by mail.', optional: true, default: false })
  sendSharedLinksNotification?: boolean;

  @CredentialProfile()
  credentialProfile?: string;

  @UserCode()
  @NotTogetherWith('credentialProfile')
  userCode?: Secret;

  @Reason()
  reason?: string;

  @OnBehalfOf()
  onBehalfOf?: string;
}

export function toCopyRequest(dto: CopyDto): CopyRequest {
  return {
    action: 'copy',
    target: toCopyTarget(dto.target),
    folder: dto.folder,
    documentVersion: dto.documentVersion ?? 'last',
    documentLastVersionAction: dto.documentLastVersionAction ?? 'merge',
    changedItems: dto.changedItems ?? false,
    deletedItems: dto.deletedItems ?? false,
    restorePermissions: dto.restorePermissions ?? false,
    sendSharedLinksNotification: dto.sendSharedLinksNotification ?? false,
    credentialProfile: dto.credentialProfile,
    userCode: dto.userCode,
    reason: dto.reason,
    onBehalfOf: dto.onBehalfOf,
  };
}

function toCopyTarget({ oneDriveId, user }: CopyTargetDto): CopyTarget {
  if (oneDriveId !== undefined) {
    return { oneDriveId };
  }
  if (user !== undefined) {
    return { user };
  }
  throw new Error('A copy without a target passed the validation.');
}
