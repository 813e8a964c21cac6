import type { ActionItem, ItemRef } from '@app/veeam-client';

import { ResourceId, SessionId, VersionId } from './fields.js';

export class SessionParams {
  @SessionId({ description: 'Id of a restore session of yours.' })
  readonly sid!: string;
}

export class OneDriveParams extends SessionParams {
  @ResourceId({ description: 'Id of a OneDrive.' })
  readonly oid!: string;

  get item(): ActionItem {
    return { kind: 'onedrive', oneDriveId: this.oid };
  }
}

export class FolderParams extends SessionParams {
  @ResourceId({ description: 'Id of a OneDrive.' })
  readonly oid!: string;

  @ResourceId({ description: 'Id of a folder in it.' })
  readonly fid!: string;

  get item(): ItemRef {
    return { kind: 'folder', oneDriveId: this.oid, itemId: this.fid };
  }
}

export class FolderVersionParams extends FolderParams {
  @VersionId()
  readonly vid!: string;

  override get item(): ItemRef {
    return { ...super.item, versionId: this.vid };
  }
}

export class DocumentParams extends SessionParams {
  @ResourceId({ description: 'Id of a OneDrive.' })
  readonly oid!: string;

  @ResourceId({ description: 'Id of a document in it.' })
  readonly did!: string;

  get item(): ItemRef {
    return { kind: 'document', oneDriveId: this.oid, itemId: this.did };
  }
}

export class DocumentVersionParams extends DocumentParams {
  @VersionId()
  readonly vid!: string;

  override get item(): ItemRef {
    return { ...super.item, versionId: this.vid };
  }
}

export class OperationParams {
  @SessionId({ description: 'Id of an operation of yours.' })
  readonly id!: string;
}
