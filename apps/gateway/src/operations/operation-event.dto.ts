import { ApiProperty, PickType } from '@nestjs/swagger';

import { OperationDto, OperationProgressDto } from '../actions/dto/operation.dto.js';

/** `data` of an event `state`; the last one has what came of the operation. */
export class OperationStateEventDto extends PickType(OperationDto, ['state', 'outcome', 'bytes', 'sha256', 'problem']) {
  @ApiProperty({ type: String, format: 'date-time' })
  time!: string;
}

/** `data` of an event `progress`. */
export class OperationProgressEventDto extends OperationProgressDto {
  @ApiProperty({ type: String, format: 'date-time' })
  time!: string;
}
