import type { Secret } from '@app/secrets';

import { NotTogetherWith, OnBehalfOf, OneOf, Reason } from '../../http/fields.js';
import type { RestoreRequest } from '../action-request.js';
import { CredentialProfile, UserCode } from './credential-fields.js';

/** Body of `restore`: back to where it was. */
export class RestoreDto {
  @OneOf(['last', 'all'], {
    description: 'Which versions of each document are restored.',
    optional: true,
    default: 'last',
  })
  documentVersion?: 'last' | 'all';

  @OneOf(['keep', 'overwrite'], {
    description: 'What happens to a document that is still there.',
    optional: true,
    default: 'keep',
  })
  documentAction?: 'keep' | 'overwrite';

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

export function toRestoreRequest(dto: RestoreDto): RestoreRequest {
  return {
    action: 'restore',
    documentVersion: dto.documentVersion ?? 'last',
    documentAction: dto.documentAction ?? 'keep',
    credentialProfile: dto.credentialProfile,
    userCode: dto.userCode,
    reason: dto.reason,
    onBehalfOf: dto.onBehalfOf,
  };
}
