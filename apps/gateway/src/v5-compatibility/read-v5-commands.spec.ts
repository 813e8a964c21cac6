import { ValidationFailedError } from '@app/problems';

import { readV5DeviceCode, readV5Explore, readV5Stop } from './read-v5-commands.js';

function faultOf(read: (body: unknown) => unknown, body: unknown): string | undefined {
  try {
    read(body);
  } catch (error) {
    if (error instanceof ValidationFailedError) {
      return error.errors[0]?.field;
    }
    throw error;
  }
  return undefined;
}

const defaults = { pointInTime: undefined, showDeleted: false, showAllVersions: false };

describe('readV5Explore', () => {
  it.each([
    [{ explore: {} }, defaults],
    [{ explore: null }, defaults],
    [{ EXPLORE: { Type: 'Veod', DateTime: null, showDeleted: null } }, defaults],
    [
      { explore: { datetime: '2024.05.31 18:04', type: 'VEOD', ShowDeleted: 'true', ShowAllVersions: 'False' } },
      { pointInTime: '2024-05-31T18:04:00.000Z', showDeleted: true, showAllVersions: false },
    ],
    [{ explore: { showAllVersions: true } }, { ...defaults, showAllVersions: true }],
  ])('reads %j', (body, explore) => {
    expect(readV5Explore(body)).toEqual(explore);
  });

  it.each([
    [undefined, ''],
    [{}, 'explore'],
    [{ stop: null }, 'stop'],
    [{ explore: {}, stop: null }, 'stop'],
    [{ explore: [] }, 'explore'],
    [{ explore: 'veod' }, 'explore'],
    [{ explore: { type: 'vex' } }, 'explore.type'],
    [{ explore: { type: 1 } }, 'explore.type'],
    [{ explore: { dateTime: '2024-02-30 00:00:00' } }, 'explore.dateTime'],
    [{ explore: { dateTime: 1717178645 } }, 'explore.dateTime'],
    [{ explore: { showDeleted: 'yes' } }, 'explore.showDeleted'],
    [{ explore: { showAllVersions: 1 } }, 'explore.showAllVersions'],
    [{ explore: { repositoryId: 'x' } }, 'explore.repositoryId'],
    [{ explore: { 'dateT\u0131me': 'x' } }, 'explore.dateT\\u0131me'],
  ])('refuses %j by the name of the fault', (body, field) => {
    expect(faultOf(readV5Explore, body)).toBe(field);
  });
});

describe('readV5Stop', () => {
  it.each([{ stop: null }, { Stop: null }, { STOP: null }])('reads %j', (body) => {
    expect(faultOf(readV5Stop, body)).toBeUndefined();
  });

  it.each([
    [undefined, ''],
    [{}, 'stop'],
    [{ stop: true }, 'stop'],
    [{ '\u017ftop': null }, '\\u017ftop'],
    [{ stop: null, explore: {} }, 'explore'],
  ])('refuses %j', (body, field) => {
    expect(faultOf(readV5Stop, body)).toBe(field);
  });
});

describe('readV5DeviceCode', () => {
  it.each([undefined, {}, { targetApplicationId: 'x' }, { TargetApplicationID: null }])('reads %j', (body) => {
    expect(faultOf(readV5DeviceCode, body)).toBeUndefined();
  });

  it.each([
    [{ targetApplicationId: {} }, 'targetApplicationId'],
    [{ targetRegion: 'Worldwide' }, 'targetRegion'],
    [{ targetOrganizationName: 'x' }, 'targetOrganizationName'],
  ])('refuses %j', (body, field) => {
    expect(faultOf(readV5DeviceCode, body)).toBe(field);
  });
});
