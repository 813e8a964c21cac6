import { readV5DateTime } from './v5-date-time.js';
import { invalid, readBoolean, readEnum, readMembers, readMembersWithNulls } from './v5-members.js';
import { v5Commands, v5Members, v5Values } from './v5-vocabulary.js';

/** What a v5 `explore` asks for. */
export interface V5Explore {
  /** ISO 8601 UTC; undefined: the latest backup. */
  readonly pointInTime: string | undefined;
  readonly showDeleted: boolean;
  readonly showAllVersions: boolean;
}

/** `{"explore": {dateTime?, type?, showDeleted?, showAllVersions?}}`. @throws ValidationFailedError */
export function readV5Explore(body: unknown): V5Explore {
  const command = readMembersWithNulls(body, v5Commands.explore, []);
  if (!command.has('explore')) {
    throw invalid(['explore'], 'is missing');
  }
  const members = readMembers(command.get('explore') ?? {}, v5Members.explore, ['explore']);
  const type = readEnum(v5Values.sessionType, members.get('type') ?? 'veod');
  if (type !== 'veod') {
    throw invalid(['explore', 'type'], 'must be veod: only OneDrive backups are served here');
  }
  return {
    pointInTime: pointInTime(members.get('dateTime')),
    showDeleted: flag('showDeleted', members.get('showDeleted')),
    showAllVersions: flag('showAllVersions', members.get('showAllVersions')),
  };
}

/** `{"stop": null}`. @throws ValidationFailedError */
export function readV5Stop(body: unknown): void {
  const command = readMembersWithNulls(body, v5Commands.stop, []);
  if (command.get('stop') !== null) {
    throw invalid(['stop'], 'must be there and null');
  }
}

/**
 * Nothing at all, or a `targetApplicationId`, which is read over: codes are always issued for the application that is
 * configured for the organization.
 *
 * @throws ValidationFailedError
 */
export function readV5DeviceCode(body: unknown): void {
  const applicationId = readMembers(body ?? {}, v5Commands.deviceCode, []).get('targetApplicationId');
  if (applicationId !== undefined && typeof applicationId !== 'string') {
    throw invalid(['targetApplicationId'], 'must be a string');
  }
}

function pointInTime(value: unknown): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  const moment = typeof value === 'string' ? readV5DateTime(value) : undefined;
  if (moment === undefined) {
    throw invalid(
      ['explore', 'dateTime'],
      'must be an existing moment such as 2024-05-31T18:00:00Z or 2024-05-31 18:00:00.000',
    );
  }
  return moment;
}

function flag(name: 'showDeleted' | 'showAllVersions', value: unknown): boolean {
  const isSet = readBoolean(value ?? false);
  if (typeof isSet !== 'boolean') {
    throw invalid(['explore', name], 'must be true or false');
  }
  return isSet;
}
