import { json, type Route } from '../http/api-version.js';
import { guidOf } from '../world/deterministic-id.js';
import { bodyOf } from './members.js';

export const serviceRoutes: readonly Route[] = [
  {
    method: 'GET',
    pattern: 'Health',
    handle: () =>
      json({ status: 'Healthy', entries: { NATS: { status: 'Healthy' }, PostgreSQL: { status: 'Healthy' } } }),
  },
  {
    method: 'GET',
    pattern: 'ServiceInstance',
    handle: () => json({ installationId: guidOf('installation'), version: '8.1.0.305' }),
  },
  {
    method: 'POST',
    pattern: 'DeviceCode/check',
    handle: (exchange) => {
      const userCode = bodyOf(exchange).required('userCode');
      return json({ authenticated: exchange.world.deviceCodes.isConfirmed(userCode) });
    },
  },
];
