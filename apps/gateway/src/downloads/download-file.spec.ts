import type { Item } from '@app/veeam-client';

import { fileOf } from './download-file.js';

const day = new Date('2026-01-15T23:30:00Z');
const asZip = { asZip: true };
const item = (name: string, kind: Item['kind']): Item => ({
  id: name,
  kind,
  name,
  oneDriveId: undefined,
  parentId: undefined,
  sizeBytes: undefined,
  version: undefined,
  versionId: undefined,
  modifiedAt: day.toISOString(),
  modifiedBy: '',
});
const found = (oneDriveName: string, ...items: Item[]) => ({
  oneDrive: { id: '1', name: oneDriveName, url: '' },
  items,
});
const zip = (fileName: string) => ({ fileName, isZip: true });

describe('a saved OneDrive', () => {
  it('says which it is, and of which day', () => {
    expect(fileOf(found('Alice Example'), asZip, day)).toEqual(zip('onedrive-Alice Example-2026-01-15.zip'));
  });

  it('cleans its name', () => {
    expect(fileOf(found('../Alice\u202E/"x"'), asZip, day)).toEqual(zip('onedrive-_Alice__x_-2026-01-15.zip'));
  });

  it('leaves the day and extension on when the name is long', () => {
    expect(fileOf(found('a'.repeat(500)), asZip, day)).toEqual(zip(`onedrive-${'a'.repeat(120)}-2026-01-15.zip`));
  });

  it('does without a name of which nothing is left', () => {
    expect(fileOf(found('\u202E..'), asZip, day)).toEqual(zip('onedrive-2026-01-15.zip'));
  });

  it('is a ZIP whatever was asked for', () => {
    expect(fileOf(found('Alice'), { asZip: false }, day)).toEqual(zip('onedrive-Alice-2026-01-15.zip'));
  });
});

describe('saved items', () => {
  it.each([
    ['a document as it is', [item('Plan.md', 'document')], false, { fileName: 'Plan.md', isZip: false }],
    ['a document as a ZIP', [item('Plan.md', 'document')], true, zip('Plan.md-2026-01-15.zip')],
    ['a folder', [item('Photos', 'folder')], false, zip('Photos-2026-01-15.zip')],
    ['several', [item('Plan.md', 'document'), item('b', 'document')], false, zip('2 items from Alice-2026-01-15.zip')],
  ])('%s', (_, items, isZipped, file) => {
    expect(fileOf(found('Alice', ...items), { asZip: isZipped }, day)).toEqual(file);
  });
});
