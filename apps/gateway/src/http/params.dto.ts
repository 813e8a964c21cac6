import { ResourceId, SessionId } from './fields.js';

export class SessionParams {
  @SessionId({ description: 'Id of a restore session of yours.' })
  readonly sid!: string;
}

export class OneDriveParams extends SessionParams {
  @ResourceId({ description: 'Id of a OneDrive.' })
  readonly oid!: string;
}

export class OperationParams {
  @SessionId({ description: 'Id of an operation of yours.' })
  readonly id!: string;
}
