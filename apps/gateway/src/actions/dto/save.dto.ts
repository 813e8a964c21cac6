import { Flag, OnBehalfOf, Reason } from '../../http/fields.js';
import type { SaveRequest } from '../action-request.js';

/** Body of `save`; may be left out. */
export class SaveDto {
  @Flag({
    description: 'Download a document as a ZIP too; a OneDrive or a folder always is one.',
    optional: true,
    default: true,
  })
  asZip?: boolean;

  @Reason()
  reason?: string;

  @OnBehalfOf()
  onBehalfOf?: string;
}

export function toSaveRequest(dto: SaveDto): SaveRequest {
  return { action: 'save', asZip: dto.asZip ?? true, reason: dto.reason, onBehalfOf: dto.onBehalfOf };
}
