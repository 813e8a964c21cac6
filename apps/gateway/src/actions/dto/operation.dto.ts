import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { OperationItemDto } from './operation-item.dto.js';

const actions = ['restore', 'copy', 'send', 'save'] as const;
const states = [
  'accepted',
  'submitting',
  'following',
  'succeeded',
  'partially-succeeded',
  'failed',
  'canceled',
  'interrupted',
] as const;

export class OperationIssueDto {
  @ApiPropertyOptional({ type: String, description: 'Path of the item.' })
  path?: string;

  @ApiPropertyOptional({ type: String })
  title?: string;

  @ApiProperty({ enum: ['warning', 'error'] })
  severity!: 'warning' | 'error';

  @ApiProperty({ type: String })
  message!: string;
}

export class OperationItemResultDto {
  @ApiProperty({ type: String })
  itemId!: string;

  @ApiProperty({
    enum: ['succeeded', 'failed', 'skipped', 'unknown'],
    description: '`unknown`: the backup server gave counts only.',
  })
  state!: 'succeeded' | 'failed' | 'skipped' | 'unknown';
}

export class OperationOutcomeDto {
  @ApiProperty({ type: 'integer', description: 'Items the backup server looked at.' })
  total!: number;

  @ApiProperty({ type: 'integer' })
  restored!: number;

  @ApiProperty({ type: 'integer' })
  failed!: number;

  @ApiProperty({ type: 'integer', description: 'Left alone, for instance because nothing had changed.' })
  skipped!: number;

  @ApiPropertyOptional({
    type: String,
    example: 'Nothing was restored, because nothing had changed.',
    description: 'That a success wrote nothing, and why, as far as the backup server tells.',
  })
  note?: string;

  @ApiProperty({ type: [OperationIssueDto] })
  issues!: OperationIssueDto[];

  @ApiPropertyOptional({ type: [OperationItemResultDto], description: 'Of several items: what became of each.' })
  items?: OperationItemResultDto[];
}

export class OperationProblemDto {
  @ApiProperty({ type: String, description: 'One of the documented problem codes.' })
  code!: string;

  @ApiProperty({ type: String })
  title!: string;

  @ApiProperty({ type: String })
  detail!: string;
}

/** How far upstream is, as far as it says. */
export class OperationProgressDto {
  @ApiPropertyOptional({ type: 'integer' })
  total?: number;

  @ApiPropertyOptional({ type: 'integer' })
  restored?: number;

  @ApiPropertyOptional({ type: 'integer' })
  failed?: number;

  @ApiPropertyOptional({ type: 'integer' })
  skipped?: number;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Of 100, once the backup server says how many items there are.',
  })
  percentage?: number;

  @ApiProperty({ type: [String], maxItems: 20, description: 'What the backup server did last, oldest first.' })
  activities!: string[];
}

export class OperationReconciliationDto {
  @ApiProperty({ enum: ['done', 'not-done', 'unknown'] })
  finding!: 'done' | 'not-done' | 'unknown';

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ type: String })
  detail!: string;
}

/** An action as the gateway recorded it. */
export class OperationDto {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: actions })
  action!: (typeof actions)[number];

  @ApiProperty({
    enum: states,
    description:
      '`succeeded`, `partially-succeeded`, `failed`, `canceled` and `interrupted` are final; an interrupted operation may have been done.',
  })
  state!: (typeof states)[number];

  @ApiProperty({ type: String })
  organizationId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  restoreSessionId!: string;

  @ApiProperty({ type: OperationItemDto })
  item!: OperationItemDto;

  @ApiProperty({ type: String, format: 'date-time' })
  requestedAt!: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  startedAt?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  endedAt?: string;

  @ApiPropertyOptional({ type: OperationOutcomeDto, description: 'Restore and copy, once upstream gave counts.' })
  outcome?: OperationOutcomeDto;

  @ApiPropertyOptional({ type: OperationProgressDto, description: 'While it runs, once upstream told.' })
  progress?: OperationProgressDto;

  @ApiPropertyOptional({
    type: OperationReconciliationDto,
    description: 'Of an interrupted operation: what was found out later about whether it was done.',
  })
  reconciliation?: OperationReconciliationDto;

  @ApiPropertyOptional({ type: 'integer', description: 'Save: bytes sent to the caller.' })
  bytes?: number;

  @ApiPropertyOptional({ type: String, description: 'Save: SHA-256 of those bytes, in hexadecimal.' })
  sha256?: string;

  @ApiPropertyOptional({ type: String, description: 'Why, as the caller said.' })
  reason?: string;

  @ApiPropertyOptional({ type: String, description: 'For whom, as the service said.' })
  onBehalfOf?: string;

  @ApiPropertyOptional({ type: OperationProblemDto, description: 'What went wrong, once it has.' })
  problem?: OperationProblemDto;
}
