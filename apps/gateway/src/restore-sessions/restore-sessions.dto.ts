import { ApiProperty } from '@nestjs/swagger';
import { Flag, OnBehalfOf, Reason, ResourceId, Rule, text } from '../http/fields.js';

/** ISO 8601 with a zone: a time without one is how the wrong restore point gets picked. */
const instant =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,7})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** `Date` reads the 30th of February as a day in March: another backup than the one that was meant. */
function isExistingDay(time: unknown): boolean {
  const day = String(time).slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(midnight.getTime()) || midnight.toISOString().startsWith(day);
}

export class OpenRestoreSessionDto {
  @ResourceId({ description: 'The organization to look into.' })
  readonly organizationId!: string;

  @text(
    {
      description: 'Shows the newest backup at or before this time. Default: the newest of all.',
      optional: true,
      example: '2026-03-01T08:00:00Z',
    },
    instant,
    'must be an ISO 8601 time with a zone, such as 2026-03-01T08:00:00Z',
    { format: 'date-time' },
  )
  @Rule('existingDay', 'must be a day that exists', isExistingDay)
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

  @ApiProperty({ format: 'date-time', description: 'When it will be stopped unless it is used before.' })
  readonly expiresAt!: string;
}
