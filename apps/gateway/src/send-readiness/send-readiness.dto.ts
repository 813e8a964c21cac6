import { ApiProperty } from '@nestjs/swagger';

export class MissingForSendDto {
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
