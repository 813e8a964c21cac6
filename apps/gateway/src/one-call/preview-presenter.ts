import { toOperationItemDto } from '../actions/dto/operation-item.dto.js';
import { toOneDriveDto } from '../catalog/catalog-presenter.js';
import type { PreviewDto } from './one-call.dto.js';
import type { Preview } from './one-call.service.js';

export function toPreviewDto({
  session,
  oneDrive,
  item,
  found,
  size,
  credentialProfile,
  decision,
}: Preview): PreviewDto {
  const { folders, documents, bytes, isComplete } = size;
  return {
    organizationId: session.organizationId,
    pointInTime: session.pointInTime.toISOString(),
    oneDrive: toOneDriveDto(oneDrive),
    item: toOperationItemDto(item),
    ...(found && { name: found.name }),
    folders,
    documents,
    bytes,
    isComplete,
    ...(credentialProfile !== undefined && { credentialProfile }),
    decision: decision.allowed ? 'allow' : 'deny',
    policies: decision.policies,
  };
}
