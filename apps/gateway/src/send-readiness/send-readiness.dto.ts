import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class MissingForSendDto {
  @ApiPropertyOptional({
    type: String,
    description: 'The backup server where it is missing, where there are several; absent for the gateway.',
  })
  backupServer?: string | undefined;

  @ApiProperty({ description: 'What is missing: a setting of the backup server, or of the gateway.' })
  field!: string;

  @ApiProperty()
  message!: string;
}

export class SendReadinessDto {
  @ApiProperty({ description: 'Whether mail can be sent.' })
  ready!: boolean;

  @ApiProperty({ type: [MissingForSendDto], description: 'Empty when it can.' })
  missing!: readonly MissingForSendDto[];
}
