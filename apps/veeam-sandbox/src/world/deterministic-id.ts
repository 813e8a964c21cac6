import { createHash } from 'node:crypto';

/** A GUID that is the same for the same name in every run. */
export function guidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const emptyGuid = '00000000-0000-0000-0000-000000000000';

/** OneDrive ids are two GUIDs run together. */
export function oneDriveIdOf(name: string): string {
  return guidOf(`onedrive-web:${name}`) + guidOf(`onedrive-site:${name}`);
}
