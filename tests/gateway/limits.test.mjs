// Rate limits: each caller and each address has its own; 429 says when to come back.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeKey, raw, startGateway, until } from './gateway.mjs';

const ask = (system, key) => fetch(`${system.url}/v1/orders/o`, { headers: key === undefined ? {} : { 'X-Api-Key': key } });

// Asks until it is refused, several times at once: a slow machine may give the bucket time to fill between one
// question and the next. The refusal; and what was let through must be the burst, and what came in since then.
async function untilRefused(what, burst) {
  const started = Date.now();
  for (let passed = 0; passed < 1000;) {
    const responses = await Promise.all(Array.from({ length: 4 * burst }, what));
    const refused = responses.filter(({ status }) => status === 429);
    passed += responses.length - refused.length;
    for (const { status } of responses) assert.ok(status === 200 || status === 429, `${status}`);
    if (refused.length === 0) continue;
    assert.ok(passed >= burst && passed <= burst + 1 + (Date.now() - started) / 1000, `${passed} in ${Date.now() - started} ms`);
    return refused[0];
  }
  return assert.fail('it was never refused');
}

test('a caller has one bucket for both its keys; others are not held up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'order-limits-'));
  const file = join(folder, 'keys');
  const [first, second, other] = ['ada', 'ada', 'bob'].map((name) => makeKey(file, name, '*'));
  const system = await startGateway({ ORDER_GATEWAY_KEYS: file, ORDER_GATEWAY_CALLER_RATE: '1', ORDER_GATEWAY_CALLER_BURST: '4' });
  let turn = 0;
  const response = await untilRefused(() => ask(system, turn++ % 2 === 0 ? first : second), 4);
  assert.equal(response.headers.get('retry-after'), '1');
  assert.match(await response.text(), /"reason":"RATE_LIMITED"/);
  assert.equal((await ask(system, other)).status, 200);
  await until(async () => (await ask(system, first)).status === 200);
  await system.stop();
  rmSync(folder, { recursive: true });
});

test('an address, before its key is looked at', async () => {
  const system = await startGateway({ ORDER_GATEWAY_ADDRESS_RATE: '1', ORDER_GATEWAY_ADDRESS_BURST: '3' });
  await untilRefused(() => ask(system), 3);
  await system.stop();
});

test('behind a proxy: who the proxy says it is, and nobody else says so', async () => {
  const settings = { ORDER_GATEWAY_ADDRESS_RATE: '1', ORDER_GATEWAY_ADDRESS_BURST: '3' };
  const from = (system, forwarded) => fetch(`${system.url}/v1/orders/o`, { headers: { 'X-Forwarded-For': forwarded } });
  const proxied = await startGateway({ ...settings, ORDER_GATEWAY_TRUSTED_PROXIES: '127.0.0.0/8' });
  let forged = 0;
  await untilRefused(() => from(proxied, `198.51.100.${forged++ % 250}, 203.0.113.7`), 3);
  assert.equal((await from(proxied, '203.0.113.8')).status, 200);
  // What the caller sent and what the proxy added may be two headers.
  const two = async () => {
    const { text } = await raw(proxied.port, `GET /v1/orders/o HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.${forged++ % 250}\r\nx-forwarded-for: 203.0.113.9\r\n\r\n`);
    return { status: Number(text.split(' ')[1]) };
  };
  await untilRefused(two, 3);
  await proxied.stop();
  const open = await startGateway(settings);
  await untilRefused(() => from(open, `203.0.113.${forged++ % 250}`), 3);
  await open.stop();
});

test('as many calls under way as there may be: the others hear when to come back', async () => {
  const system = await startGateway({ ORDER_GATEWAY_CALLS: '1' });
  const asJson = { headers: { 'Content-Type': 'application/json' }, method: 'POST', body: '{"orderId":"later"}' };
  for (const what of [() => fetch(`${system.url}/v1/orders/later`), () => fetch(`${system.url}/shop.v1.OrderService/GetOrder`, asJson)]) {
    const response = await until(async () => (await Promise.all(Array.from({ length: 8 }, what))).find(({ status }) => status === 429));
    const body = await response.text();
    assert.match(body, /"reason":"CHANNEL_FULL"/);
    assert.match(body, /RetryInfo/);
    assert.match(body, /"retryDelay":"0.050s"/);
    assert.equal(response.headers.get('retry-after'), '1');
  }
  await system.stop();
});
