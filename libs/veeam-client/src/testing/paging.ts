import { json, type Respond } from './scripted-upstream.js';

/** Pages over these as they stand when asked, in this order. */
export const listing =
  (events: () => object[], limitOfServer = Infinity): Respond =>
  (response, { url }) => {
    const query = new URL(url, 'https://upstream').searchParams;
    const offset = Number(query.get('offset'));
    const limit = Math.min(Number(query.get('limit')), limitOfServer);
    json(response, 200, { offset, limit, results: events().slice(offset, offset + limit) });
  };

export const event = (order: number, startTime = '2026-01-15T10:00:00Z', more: object = {}) => ({
  id: `${order}`,
  order,
  startTime,
  type: 'Restore',
  status: 'Success',
  message: `m${order}`,
  ...more,
});
