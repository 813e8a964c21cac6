import { ApiProperty } from '@nestjs/swagger';

export class OrganizationDto {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty({ description: 'Tenant domain.', example: 'contoso.onmicrosoft.com' })
  readonly name!: string;

  @ApiProperty({ required: false, format: 'date-time' })
  readonly firstBackupAt?: string;

  @ApiProperty({ required: false, format: 'date-time' })
  readonly lastBackupAt?: string;
}

export class OneDriveDto {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty()
  readonly name!: string;
}
