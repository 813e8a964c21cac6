import { Transform } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';

import { field, ResourceId } from '../http/fields.js';

export class V5OrganizationParams {
  @ResourceId({ description: 'Id of an organization.' })
  readonly id!: string;
}

/** What upstream gives when nothing is asked for. */
const DEFAULT_LIMIT = 30;
const MOST_A_PAGE = 1_000;
const HIGHEST_OFFSET = 10_000_000;

const WholeNumber = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' && /^\d{1,8}$/.test(value) ? Number(value) : value,
);

export class V5PageQuery {
  @field(
    { description: 'Most items a page has.', optional: true },
    { type: Number, default: DEFAULT_LIMIT, minimum: 1, maximum: MOST_A_PAGE },
    [
      WholeNumber,
      IsInt({ message: 'must be a whole number' }),
      Min(1, { message: 'must be at least 1' }),
      Max(MOST_A_PAGE, { message: `must be at most ${MOST_A_PAGE}` }),
    ],
  )
  readonly limit: number = DEFAULT_LIMIT;

  @field(
    { description: 'Items to leave out at the start.', optional: true },
    { type: Number, default: 0, minimum: 0, maximum: HIGHEST_OFFSET },
    [
      WholeNumber,
      IsInt({ message: 'must be a whole number' }),
      Min(0, { message: 'must be at least 0' }),
      Max(HIGHEST_OFFSET, { message: `must be at most ${HIGHEST_OFFSET}` }),
    ],
  )
  readonly offset: number = 0;
}
