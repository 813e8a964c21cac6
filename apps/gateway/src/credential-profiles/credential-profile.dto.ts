import { OFFICE_REGIONS, type OfficeRegion, PROFILE_ACTIONS, type ProfileAction } from '@app/config';
import { ApiProperty } from '@nestjs/swagger';

/** What may be known of a credential profile. No secret, nor who logs in with one. */
export class CredentialProfileDto {
  @ApiProperty()
  readonly name!: string;

  @ApiProperty({ enum: ['user', 'application'] })
  readonly kind!: 'user' | 'application';

  @ApiProperty({ description: 'Tenant domains that it serves, of those whose profiles you may see.', type: [String] })
  readonly organizations!: readonly string[];

  @ApiProperty({
    description: 'Those of them where it is used by whoever names no profile.',
    type: [String],
  })
  readonly defaultOf!: readonly string[];

  @ApiProperty({ description: 'What it may be used for.', enum: PROFILE_ACTIONS, isArray: true })
  readonly actions!: readonly ProfileAction[];

  @ApiProperty({ description: "Absent: the backup server's own default.", enum: OFFICE_REGIONS, required: false })
  readonly region?: OfficeRegion;

  @ApiProperty({ description: 'Of the certificate; absent where there is none.', required: false })
  readonly subject?: string;

  @ApiProperty({ description: 'SHA-1 of the certificate, as Entra ID shows it.', required: false })
  readonly thumbprint?: string;

  @ApiProperty({ description: 'When the certificate expires.', format: 'date-time', required: false })
  readonly expiresAt?: string;

  @ApiProperty({ description: 'Whole days until then; negative once it is over.', type: 'integer', required: false })
  readonly daysToExpiry?: number;

  @ApiProperty({
    description: 'When an action of these organizations was last sent with it; absent: never.',
    format: 'date-time',
    required: false,
  })
  readonly lastUsedAt?: string;
}
