import { ValidationFailedError } from '@app/problems';

import type { ActionRequest } from '../actions/action-request.js';
import { CopyDto, toCopyRequest } from '../actions/dto/copy.dto.js';
import { RestoreDto, toRestoreRequest } from '../actions/dto/restore.dto.js';
import { SaveDto, toSaveRequest } from '../actions/dto/save.dto.js';
import { SendDto, toSendRequest } from '../actions/dto/send.dto.js';
import { fieldPath } from '../http/field-path.js';
import { isJsonObject } from '../http/json-object.js';
import { validateAs } from '../http/validation.js';
import { invalid, readBoolean, readEnum, readMembers } from './v5-members.js';
import { canonicalName, v5Actions, v5Members, v5Values } from './v5-vocabulary.js';

const actionNames = [...v5Actions.values()].join(', ');

/**
 * The body of a v5 Action: one action with its members, in any case. It is translated into the body of the simplified
 * API and validated as that.
 *
 * @param body a parsed JSON body
 * @throws ValidationFailedError with v5 names
 */
export function readV5Action(body: unknown): ActionRequest {
  const [written, members] = onlyAction(body);
  switch (canonicalName(v5Actions, written)) {
    case 'restoreToOriginalLocation':
      return readRestore(members);
    case 'copyTo':
      return readCopy(members);
    case 'sendTo':
      return readSend(members);
    case 'save':
      return readSave(members);
    case undefined:
      throw invalid([written], `is not an action that is offered here; these are: ${actionNames}`);
  }
}

function onlyAction(body: unknown): [written: string, members: unknown] {
  const entries = isJsonObject(body) ? Object.entries(body) : [];
  const [action, ...more] = entries;
  if (action === undefined) {
    throw invalid([], `The body must hold exactly one of: ${actionNames}`);
  }
  if (more.length > 0) {
    throw new ValidationFailedError(
      entries.slice(0, 20).map(([written]) => ({
        field: fieldPath([written]),
        message: `must be alone: the body holds exactly one of: ${actionNames}`,
      })),
    );
  }
  return action;
}

function readRestore(value: unknown): ActionRequest {
  const action = 'restoreToOriginalLocation';
  const members = readMembers(value, v5Members[action], [action]);
  const dto = validateAs(
    RestoreDto,
    given({
      documentVersion: readEnum(v5Values.documentVersion, members.get('documentVersion')),
      documentAction: readEnum(v5Values.documentAction, members.get('documentAction')),
      userCode: members.get('userCode'),
    }),
    under(action),
  );
  return toRestoreRequest(dto);
}

function readCopy(value: unknown): ActionRequest {
  const action = 'copyTo';
  const members = readMembers(value, v5Members[action], [action]);
  const oneDrivePath = [action, 'oneDrive'];
  const oneDrive = readMembers(members.get('oneDrive'), v5Members.oneDrive, oneDrivePath);
  if (!oneDrive.has('id')) {
    throw invalid([...oneDrivePath, 'id'], 'must name the OneDrive to copy into');
  }
  const dto = validateAs(
    CopyDto,
    given({
      target: { oneDriveId: oneDrive.get('id') },
      folder: members.get('folder'),
      documentVersion: readEnum(v5Values.documentVersion, members.get('documentVersion')),
      documentLastVersionAction: readEnum(v5Values.documentLastVersionAction, members.get('documentLastVersionAction')),
      changedItems: readBoolean(members.get('changedItems')),
      deletedItems: readBoolean(members.get('deletedItems')),
      restorePermissions: readBoolean(members.get('restorePermissions')),
      sendSharedLinksNotification: readBoolean(members.get('sendSharedLinksNotification')),
      userCode: members.get('userCode'),
    }),
    (field) => under(action)(field === 'target.oneDriveId' ? 'oneDrive.id' : field),
  );
  return toCopyRequest(dto);
}

function readSend(value: unknown): ActionRequest {
  const action = 'sendTo';
  const members = readMembers(value, v5Members[action], [action]);
  const dto = validateAs(
    SendDto,
    given({
      from: members.get('from'),
      to: members.get('to'),
      subject: members.get('subject'),
      text: members.get('text'),
    }),
    under(action),
  );
  return toSendRequest(dto);
}

function readSave(value: unknown): ActionRequest {
  const action = 'save';
  const members = readMembers(value ?? {}, v5Members[action], [action]);
  const dto = validateAs(SaveDto, given({ asZip: readBoolean(members.get('asZip')) }), under(action));
  return toSaveRequest(dto);
}

function given(members: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function under(action: string): (field: string) => string {
  return (field) => `${action}.${field}`;
}
