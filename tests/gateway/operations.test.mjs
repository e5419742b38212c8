// order-gateway as those who run it see it: health, metrics, stopping, a server that is away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMetrics, startGateway, until } from './gateway.mjs';

const get = (system, orderId) => fetch(`${system.url}/shop.v1.OrderService/GetOrder`, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ orderId }) });

test('healthz, readyz, metrics', async () => {
  const system = await startGateway();
  assert.equal((await fetch(`${system.operations}/healthz`)).status, 200);
  await until(async () => (await fetch(`${system.operations}/readyz`)).status === 200);
  assert.equal((await fetch(`${system.operations}/other`)).status, 404);
  assert.equal((await fetch(`${system.operations}/healthz`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${system.url}/healthz`)).status, 404);
  assert.equal((await get(system, 'o')).status, 200);
  assert.equal((await get(system, 'gone')).status, 404);
  const metrics = await (await fetch(`${system.operations}/metrics`)).text();
  assert.match(metrics, /order_gateway_requests_total\{method="\/shop.v1.OrderService\/GetOrder",code="OK"\} 1\n/);
  assert.match(metrics, /code="NOT_FOUND"\} 1\n/);
  assert.match(metrics, /order_gateway_unrouted_total 1\n/);
  assert.match(metrics, /request_seconds_count\{method="\/shop.v1.OrderService\/GetOrder"\} 2\n/);
  assert.match(metrics, /order_gateway_streams 0\n/);
  checkMetrics(metrics);
  await system.stop();
});

test('without a server: alive, not ready, calls say UNAVAILABLE', async () => {
  const system = await startGateway({ ORDER_GATEWAY_TIMEOUT_MS: '300' }, { withServer: false });
  assert.equal((await fetch(`${system.operations}/healthz`)).status, 200);
  assert.equal((await fetch(`${system.operations}/readyz`)).status, 503);
  const response = await get(system, 'o');
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
  assert.equal((await response.json()).code, 'unavailable');
  const rest = await fetch(`${system.url}/v1/orders/o`);
  assert.deepEqual([rest.status, rest.headers.get('retry-after')], [503, '1']);
  await system.stop();
});

test('SIGTERM: what is under way is answered, nothing new is taken', async () => {
  const system = await startGateway();
  const underWay = Array.from({ length: 10 }, () => get(system, 'later'));
  await until(async () => /requests_busy 10\n/.test(await (await fetch(`${system.operations}/metrics`)).text()));
  const stopped = system.stop();
  for (const response of await Promise.all(underWay)) assert.equal(response.status, 200);
  await stopped;
  await assert.rejects(get(system, 'o'));
});

test('settings that cannot be are refused', async () => {
  await assert.rejects(startGateway({ ORDER_GATEWAY_LISTEN: 'nowhere' }), /LISTEN_FAILED/);
  await assert.rejects(startGateway({ ORDER_GATEWAY_THREADS: '0' }), /ended: 2/);
  await assert.rejects(startGateway({ ORDER_GATEWAY_TLS_KEY: '/dev/null' }), /ended: 2/);
});
