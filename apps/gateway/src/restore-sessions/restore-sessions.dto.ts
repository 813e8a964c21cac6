import { ApiProperty } from '@nestjs/swagger';
import { Flag, OnBehalfOf, Reason, ResourceId } from '../http/fields.js';
import { Instant } from '../http/instant.js';

export class OpenRestoreSessionDto {
  @ResourceId({ description: 'The organization to look into.' })
  readonly organizationId!: string;

  @Instant({
    description: 'Shows the newest backup at or before this time. Default: the newest of all.',
    optional: true,
    example: '2026-03-01T08:00:00Z',
  })
  readonly pointInTime?: string;

  @Flag({ description: 'Shows items that had been deleted before the backup.', optional: true, default: false })
  readonly showDeleted?: boolean;

  @Flag({ description: 'Shows all versions of items.', optional: true, default: false })
  readonly showAllVersions?: boolean;

  @Reason()
  readonly reason?: string;

  @OnBehalfOf()
  readonly onBehalfOf?: string;
}

export class RestoreSessionDto {
  @ApiProperty({ format: 'uuid' })
  readonly id!: string;

  @ApiProperty()
  readonly organizationId!: string;

  @ApiProperty({ format: 'date-time' })
  readonly pointInTime!: string;

  @ApiProperty({ enum: ['open', 'stopped'] })
  readonly state!: 'open' | 'stopped';

  @ApiProperty({ format: 'date-time' })
  readonly createdAt!: string;

  @ApiProperty({
    format: 'date-time',
    description: 'When it will be stopped unless it is used before, or an operation needs it.',
  })
  readonly expiresAt!: string;
}
