import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { HeaderText, ResourceId } from '../http/fields.js';
import { ListQuery, pageDtoOf } from '../http/list.dto.js';

const credentialKinds = ['user', 'application', 'device-code'];

/** What the backup server of an organization can do; all else is 422 `not-supported-by-upstream`. */
export class CapabilitiesDto {
  @ApiProperty({ type: String, example: 'v8', description: 'API version of the backup server.' })
  readonly apiVersion!: string;

  @ApiProperty({ enum: credentialKinds, isArray: true })
  readonly restoreCredentials!: readonly string[];

  @ApiProperty({ enum: credentialKinds, isArray: true })
  readonly copyCredentials!: readonly string[];

  @ApiProperty({ type: Boolean, description: 'Credential profiles of a region of Microsoft 365.' })
  readonly credentialRegions!: boolean;

  @ApiProperty({ type: Boolean, description: 'A restore of all versions of each document.' })
  readonly restoreDocumentVersionAll!: boolean;

  @ApiProperty({ type: Boolean, description: 'A copy of all versions of each document.' })
  readonly copyDocumentVersionAll!: boolean;

  @ApiProperty({ type: Boolean, description: 'A copy of documents with `changedItems` or `deletedItems`.' })
  readonly documentCopyChoices!: boolean;

  @ApiProperty({ type: Boolean, description: 'Earlier versions of folders and documents.' })
  readonly versions!: boolean;

  @ApiProperty({ type: Boolean, description: 'A search through all OneDrives at once, for operators.' })
  readonly searchOfAllOneDrives!: boolean;

  @ApiProperty({ type: Boolean, description: 'Whether a device code was confirmed is known before it is used.' })
  readonly deviceCodeCheck!: boolean;
}

export class OrganizationDto {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty({ description: 'Tenant domain.', example: 'contoso.onmicrosoft.com' })
  readonly name!: string;

  @ApiProperty({ description: 'The backup server that has it, by its name in the configuration.', example: 'default' })
  readonly backupServer!: string;

  @ApiProperty({ required: false, format: 'date-time' })
  readonly firstBackupAt?: string;

  @ApiProperty({ required: false, format: 'date-time' })
  readonly lastBackupAt?: string;

  @ApiProperty({ type: CapabilitiesDto })
  readonly capabilities!: CapabilitiesDto;
}

export class OrganizationPageDto extends pageDtoOf(OrganizationDto) {
  @ApiPropertyOptional({
    type: Boolean,
    description: 'True when a backup server could not be asked that may have more of them; absent otherwise.',
  })
  readonly incomplete?: boolean;
}

export class OneDriveDto {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty()
  readonly name!: string;
}

/** Whose a OneDrive is in production. */
export class OneDriveOwnerDto {
  @ApiPropertyOptional({ type: String, description: "The person's id in the directory, where the server tells it." })
  readonly id?: string;

  @ApiProperty({ type: String, description: 'The login.' })
  readonly email!: string;

  @ApiProperty({ type: String })
  readonly displayName!: string;
}

export class OwnedOneDriveDto extends OneDriveDto {
  @ApiPropertyOptional({
    type: OneDriveOwnerDto,
    description: 'Absent for somebody who has left, and where it cannot be told without doubt.',
  })
  readonly owner?: OneDriveOwnerDto;
}

export class ItemDto {
  @ApiProperty({ type: String })
  readonly id!: string;

  @ApiProperty({ enum: ['folder', 'document'] })
  readonly kind!: 'folder' | 'document';

  @ApiProperty({ type: String })
  readonly name!: string;

  @ApiPropertyOptional({ type: String, description: 'The OneDrive it lies in, when it was found by a search.' })
  readonly oneDriveId?: string;

  @ApiPropertyOptional({ type: String, description: 'The folder it lies in; absent at the root.' })
  readonly parentId?: string;

  @ApiPropertyOptional({ type: 'integer', format: 'int64', description: 'Of a document.' })
  readonly sizeBytes?: number;

  @ApiPropertyOptional({ type: String, example: '3.0' })
  readonly version?: string;

  @ApiPropertyOptional({ type: String, description: 'What that version is addressed by, where versions can be.' })
  readonly versionId?: string;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly modifiedAt!: string;

  @ApiProperty({ type: String })
  readonly modifiedBy!: string;
}

export class ItemsQuery extends ListQuery {
  @ResourceId({ description: 'The folder to look into. Default: the root.', optional: true })
  readonly parentId?: string;
}

/** Body of a search. */
export class SearchDto {
  @HeaderText(256, { description: 'What to look for in names.', example: 'plan' })
  readonly query!: string;
}
