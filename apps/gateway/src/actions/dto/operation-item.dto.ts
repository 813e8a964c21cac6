import type { OperationItem } from '@app/store';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** What an operation or an audit record is about. */
export class OperationItemDto {
  @ApiProperty({ enum: ['onedrive', 'folder', 'document', 'folders', 'documents'] })
  readonly kind!: OperationItem['kind'];

  @ApiProperty({ type: String })
  readonly oneDriveId!: string;

  @ApiPropertyOptional({ type: String, description: 'Of a folder or a document.' })
  readonly itemId?: string;

  @ApiPropertyOptional({ type: String, description: 'Of an earlier version of it.' })
  readonly versionId?: string;

  @ApiPropertyOptional({ type: [String], description: 'Of several folders or documents.' })
  readonly itemIds?: readonly string[];
}

/** Member by member: what is stored may hold more one day. */
export function toOperationItemDto(item: OperationItem): OperationItemDto {
  const { kind, oneDriveId } = item;
  switch (kind) {
    case 'onedrive':
      return { kind, oneDriveId };
    case 'folder':
    case 'document':
      return {
        kind,
        oneDriveId,
        itemId: item.itemId,
        ...(item.versionId !== undefined && { versionId: item.versionId }),
      };
    case 'folders':
    case 'documents':
      return { kind, oneDriveId, itemIds: item.itemIds };
  }
}
