import { auditActions } from '@app/audit';
import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';

import { OneOf, Rule, SessionId, text } from '../http/fields.js';
import { Instant } from '../http/instant.js';
import { OperationItemDto } from '../actions/dto/operation-item.dto.js';
import { ListQuery } from '../http/list.dto.js';

const identifier = /^[^\p{Cc}\p{Cs}]{1,1000}$/u;

/** Which records. All that are given must hold. */
export class AuditRecordFilters {
  @text(
    {
      description: 'Tenant name of one organization. Default: all whose records you may read.',
      optional: true,
      example: 'contoso.onmicrosoft.com',
    },
    /^[A-Za-z0-9.-]{1,253}$/,
    'must be a tenant name such as contoso.onmicrosoft.com',
  )
  readonly organization?: string;

  @Instant({ description: 'Not before this time.', optional: true, example: '2026-03-01T00:00:00Z' })
  readonly from?: string;

  @Instant({ description: 'Before this time.', optional: true, example: '2026-04-01T00:00:00Z' })
  readonly to?: string;

  @OneOf(auditActions, { description: 'What was asked for or what happened.', optional: true })
  readonly action?: (typeof auditActions)[number];

  @OneOf(['allow', 'deny'], { description: 'What was decided.', optional: true })
  readonly decision?: 'allow' | 'deny';

  @text(
    { description: '`subject` of who asked, or of whom it was asked for.', optional: true },
    identifier,
    'must be a subject',
  )
  readonly actor?: string;

  @text({ description: 'With `actor`: who vouches for that subject.', optional: true }, identifier, 'must be an issuer')
  @Rule('withActor', 'goes with actor', (_value, { actor }) => actor !== undefined)
  readonly issuer?: string;

  @SessionId({ description: 'What belongs to one operation.', optional: true })
  readonly operationId?: string;
}

export class ListAuditRecordsQuery extends IntersectionType(AuditRecordFilters, ListQuery) {}

export class AuditActorDto {
  @ApiProperty({ type: String })
  readonly issuer!: string;

  @ApiProperty({ type: String })
  readonly subject!: string;

  @ApiPropertyOptional({ type: String, description: 'The application that held the token.' })
  readonly clientId?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'As the token said.' })
  readonly name?: string | undefined;
}

export class AuditBeneficiaryDto {
  @ApiPropertyOptional({ type: String, description: 'Of who was proven by the token, as `subject` is.' })
  readonly issuer?: string | undefined;

  @ApiPropertyOptional({ type: String })
  readonly subject?: string | undefined;

  @ApiPropertyOptional({ type: String })
  readonly clientId?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'As the token said.' })
  readonly name?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'As a service said, which proves nothing.' })
  readonly unprovenName?: string | undefined;
}

/** One line of the trail; docs/audit.md says what is recorded when. */
export class AuditRecordDto {
  @ApiProperty({ type: String, format: 'uuid' })
  readonly id!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly time!: string;

  @ApiProperty({ enum: auditActions })
  readonly action!: (typeof auditActions)[number];

  @ApiPropertyOptional({ enum: ['allow', 'deny'], description: 'Of what was asked for; events have none.' })
  readonly decision?: 'allow' | 'deny' | undefined;

  @ApiPropertyOptional({ type: [String], description: 'Ids of the policies that decided.' })
  readonly policies?: readonly string[] | undefined;

  @ApiPropertyOptional({ type: String, description: 'How it ended.' })
  readonly outcome?: string | undefined;

  @ApiPropertyOptional({ type: AuditActorDto, description: 'Absent where the gateway acted by itself.' })
  readonly actor?: AuditActorDto | undefined;

  @ApiPropertyOptional({ type: AuditBeneficiaryDto, description: 'For whom it was done.' })
  readonly onBehalfOf?: AuditBeneficiaryDto | undefined;

  @ApiPropertyOptional({ type: String, description: 'Tenant name.' })
  readonly organization?: string | undefined;

  @ApiPropertyOptional({ type: String, format: 'uuid' })
  readonly restoreSessionId?: string | undefined;

  @ApiPropertyOptional({ type: String, format: 'uuid' })
  readonly operationId?: string | undefined;

  @ApiPropertyOptional({ type: OperationItemDto, description: 'What it was about.' })
  readonly item?: OperationItemDto | undefined;

  @ApiPropertyOptional({ type: String, description: 'Where the request came from.' })
  readonly sourceAddress?: string | undefined;

  @ApiPropertyOptional({ type: String })
  readonly requestId?: string | undefined;

  @ApiPropertyOptional({ type: String })
  readonly traceId?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'The backup server, by its name in the configuration.' })
  readonly backupServer?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'Id of the restore session at the backup server.' })
  readonly upstreamSessionId?: string | undefined;

  @ApiPropertyOptional({ type: String, description: 'Why, as the caller said.' })
  readonly reason?: string | undefined;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Items by what became of them.',
  })
  readonly counts?: Readonly<Record<string, number>> | undefined;

  @ApiPropertyOptional({ type: 'integer', description: 'Bytes delivered.' })
  readonly bytes?: number | undefined;

  @ApiPropertyOptional({ type: String, description: 'SHA-256 of what was delivered, in hexadecimal.' })
  readonly sha256?: string | undefined;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'More, where an action has more.' })
  readonly detail?: Readonly<Record<string, unknown>> | undefined;

  @ApiProperty({ type: String, format: 'uuid', description: 'The process that wrote it.' })
  readonly writer!: string;

  @ApiProperty({ type: 'integer', description: 'Place in the chain of that process, from 1.' })
  readonly seq!: number;
}
