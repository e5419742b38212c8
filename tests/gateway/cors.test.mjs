// Which pages may call: what a browser asks first, and what it reads of the answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'node:http';
import { startGateway } from './gateway.mjs';

// fetch() does not let Origin be set.
const ask = (system, method, path, headers) => new Promise((resolve, reject) => {
  const sent = request(system.url + path, { method, headers }, (response) => {
    response.resume();
    response.on('end', () => resolve(response));
  });
  sent.on('error', reject);
  sent.end();
});
const PREFLIGHT = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' };

test('none by default', async () => {
  const system = await startGateway();
  const preflight = await ask(system, 'OPTIONS', '/v1/orders', { Origin: 'https://a', ...PREFLIGHT });
  assert.equal(preflight.statusCode, 405);
  const answer = await ask(system, 'GET', '/v1/orders', { Origin: 'https://a' });
  assert.deepEqual([answer.statusCode, answer.headers['access-control-allow-origin'], answer.headers.vary], [200, undefined, undefined]);
  await system.stop();
});

test('those that are named, and no other', async () => {
  const system = await startGateway({ ORDER_GATEWAY_CORS_ORIGINS: 'https://a,https://b.example:8443' });
  for (const origin of ['https://a', 'https://b.example:8443']) {
    const preflight = await ask(system, 'OPTIONS', '/v1/orders', { Origin: origin, ...PREFLIGHT });
    assert.deepEqual([preflight.statusCode, preflight.headers['access-control-allow-origin'], preflight.headers.vary], [204, origin, 'Origin']);
    assert.match(preflight.headers['access-control-allow-headers'], /Content-Type/);
    assert.match(preflight.headers['access-control-allow-headers'], /Connect-Protocol-Version/);
    assert.match(preflight.headers['access-control-allow-headers'], /Last-Event-ID/);
    for (const path of ['/v1/orders', '/v1/orders/gone', '/nowhere', '/shop.v1.OrderService/GetOrder']) {
      const answer = await ask(system, 'GET', path, { Origin: origin });
      assert.equal(answer.headers['access-control-allow-origin'], origin, path);
    }
  }
  for (const origin of ['https://', 'https://a.evil', 'https://b.example', 'http://a', 'null', '*', 'https://a,https://b.example:8443']) {
    const preflight = await ask(system, 'OPTIONS', '/v1/orders', { Origin: origin, ...PREFLIGHT });
    assert.deepEqual([preflight.statusCode, preflight.headers['access-control-allow-origin']], [403, undefined], origin);
    assert.equal((await ask(system, 'GET', '/v1/orders', { Origin: origin })).headers['access-control-allow-origin'], undefined);
  }
  const answer = await ask(system, 'GET', '/v1/orders', {});
  assert.deepEqual([answer.statusCode, answer.headers.vary], [200, 'Origin']);
  await system.stop();
});
