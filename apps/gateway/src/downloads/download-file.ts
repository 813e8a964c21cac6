import type { SaveRequest } from '../actions/action-request.js';
import type { FoundItem } from '../policy/item-lookup.service.js';
import { safeName } from './content-disposition.js';

/** UTF-8 bytes that a name may take within another one. */
const LONGEST_PART = 120;

/** What a download is to the caller: upstream gives it neither a name nor a type. */
export interface DownloadFile {
  readonly fileName: string;
  readonly isZip: boolean;
}

/**
 * A document keeps its name. All else is a ZIP, as is a document where that was asked for; its name says of which UTC day the backup is:
 * `onedrive-Alice-2026-11-20.zip`, `Photos-2026-11-20.zip`, `3 items from Alice-2026-11-20.zip`.
 */
export function fileOf(
  { oneDrive, items }: FoundItem,
  { asZip }: Pick<SaveRequest, 'asZip'>,
  pointInTime: Date,
): DownloadFile {
  const [item, ...others] = items;
  if (item?.kind === 'document' && others.length === 0 && !asZip) {
    return { fileName: item.name, isZip: false };
  }
  const name = (text: string) => safeName(text, LONGEST_PART);
  const day = pointInTime.toISOString().slice(0, 10);
  const parts =
    item === undefined
      ? ['onedrive', name(oneDrive.name), day]
      : [
          others.length === 0 ? name(item.name) : `${items.length} items from ${name(oneDrive.name) || 'a OneDrive'}`,
          day,
        ];
  return { fileName: `${parts.filter(Boolean).join('-')}.zip`, isZip: true };
}
