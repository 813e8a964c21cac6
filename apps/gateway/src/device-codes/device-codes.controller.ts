import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiProperty, ApiTags } from '@nestjs/swagger';

import { SessionParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { DeviceCodesService, type IssuedDeviceCode } from './device-codes.service.js';

export class DeviceCodeDto {
  @ApiProperty({
    example: 'C6A9DB737',
    description: 'Shown once: enter it at `verificationUrl`, then use it in one action.',
  })
  readonly userCode!: string;

  @ApiProperty({ format: 'uri' })
  readonly verificationUrl!: string;

  @ApiProperty({ format: 'date-time' })
  readonly expiresAt!: string;

  @ApiProperty()
  readonly message!: string;
}

@ApiTags('device codes')
@Controller('api/v1/restore-sessions/:sid/device-codes')
export class DeviceCodesController {
  constructor(private readonly deviceCodes: DeviceCodesService) {}

  /** Asks for a one-time code that you confirm at Microsoft, to restore or copy without a credential profile. */
  @Post()
  @Requires('requestDeviceCode')
  @ApiCreatedResponse({ type: DeviceCodeDto })
  async issue(@CurrentPrincipal() principal: Principal, @Param() { sid }: SessionParams): Promise<DeviceCodeDto> {
    return toDeviceCodeDto(await this.deviceCodes.issue(principal, sid));
  }
}

/** The one answer that shows a device code. */
function toDeviceCodeDto(issued: IssuedDeviceCode): DeviceCodeDto {
  return {
    userCode: issued.userCode.expose(),
    verificationUrl: issued.verificationUrl,
    expiresAt: issued.expiresAt.toISOString(),
    message: issued.message,
  };
}
