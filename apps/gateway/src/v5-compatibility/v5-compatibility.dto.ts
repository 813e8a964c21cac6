import { ResourceId, WholeNumber } from '../http/fields.js';

export class V5OrganizationParams {
  @ResourceId({ description: 'Id of an organization.' })
  readonly id!: string;
}

/** What upstream gives when nothing is asked for. */
const DEFAULT_LIMIT = 30;
const MOST_A_PAGE = 1_000;
const HIGHEST_OFFSET = 10_000_000;

export class V5PageQuery {
  @WholeNumber(1, MOST_A_PAGE, { description: 'Most items a page has.', default: DEFAULT_LIMIT })
  readonly limit: number = DEFAULT_LIMIT;

  @WholeNumber(0, HIGHEST_OFFSET, { description: 'Items to leave out at the start.', default: 0 })
  readonly offset: number = 0;
}
