import { ConfigurationSource } from '@app/config';
import { Injectable } from '@nestjs/common';

/** The fact the policy decides reasons by: whether one is as the company wants reasons to be. */
@Injectable()
export class ReasonRules {
  constructor(private readonly configuration: ConfigurationSource) {}

  isAccepted(reason: string | undefined): boolean {
    return reason !== undefined && (this.configuration.current.reasonPattern?.test(reason) ?? true);
  }
}
