import type { ItemRefs } from '@app/veeam-client';
import { IntersectionType } from '@nestjs/swagger';

import { ResourceIds } from '../../http/fields.js';
import type { OneDriveParams } from '../../http/params.dto.js';
import type { ActionTarget } from '../action-request.js';
import { CopyDto } from './copy.dto.js';
import { RestoreDto } from './restore.dto.js';
import { SaveDto } from './save.dto.js';
import { SendDto } from './send.dto.js';

/** Each of them is looked up before anything is done. */
const MOST_ITEMS = 100;

/** Several items of one OneDrive, all folders or all documents. */
export class ItemsDto {
  @ResourceIds(MOST_ITEMS, { description: 'Which of them; one operation for all.' })
  readonly ids!: readonly string[];
}

export class BulkRestoreDto extends IntersectionType(ItemsDto, RestoreDto) {}
export class BulkCopyDto extends IntersectionType(ItemsDto, CopyDto) {}
export class BulkSendDto extends IntersectionType(ItemsDto, SendDto) {}
export class BulkSaveDto extends IntersectionType(ItemsDto, SaveDto) {}

export function bulkTarget({ sid, oid }: OneDriveParams, kind: ItemRefs['kind'], { ids }: ItemsDto): ActionTarget {
  return { sid, item: { kind, oneDriveId: oid, itemIds: ids } };
}
