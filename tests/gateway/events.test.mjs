// Orders' events as server-sent events, from the whole system: once each, in order, resumed without a gap.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeKey, until } from './gateway.mjs';
import { follow, startSystem } from './system.mjs';

const folder = mkdtempSync(join(tmpdir(), 'order-keys-'));
const keys = join(folder, 'keys');
const all = { Authorization: `Bearer ${makeKey(keys, 'all', '*')}` };
const ada = { Authorization: `Bearer ${makeKey(keys, 'ada', 'order.read,order.write', 'ada')}` };

let system;
before(async () => {
  system = await startSystem({ ORDER_GATEWAY_KEYS: keys, ORDER_GATEWAY_EVENTS_HEARTBEAT_MS: '300' });
  system.orderctl('product', 'create', 'chai', '--name', 'Chai', '--price', '18.00', '--currency', 'EUR', '--on-hand', '100000');
});
after(async () => { await system.stop(); rmSync(folder, { recursive: true }); });

const post = async (path, body, headers = all) => {
  const response = await fetch(system.url + path, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};
const create = (customerId = 'bob', headers = all) => post('/v1/orders', { customerId, confirm: true, lines: [{ productId: 'chai', quantity: 1 }] }, headers);
const events = (options = {}) => follow(`${system.url}/v1/events`, { headers: all, ...options });

test('an order: as it is, its timeline, then what becomes of it', async () => {
  const { orderId } = await create();
  const stream = await follow(`${system.url}/v1/orders/${orderId}:watch`, { headers: all });
  assert.equal(stream.type, 'text/event-stream');
  const order = await stream.next();
  assert.deepEqual([order.event, order.data.orderId], ['order', orderId]);
  const created = await stream.next();
  assert.deepEqual([created.event, created.id, created.data.customerId], ['order.created', '1', 'bob']);
  system.orderctl('order', 'cancel', orderId, '--reason', 'changed his mind');
  const cancelled = await stream.next();
  assert.deepEqual([cancelled.event, cancelled.id, cancelled.data.reason, cancelled.data.toState], ['order.cancelled', '2', 'changed his mind', 'STATE_CANCELLED']);
  stream.close();
  const resumed = await follow(`${system.url}/v1/orders/${orderId}:watch`, { headers: { ...all, 'Last-Event-ID': '1' } });
  assert.equal((await resumed.next()).event, 'order');
  assert.equal((await resumed.next()).id, '2', 'what was seen is not sent again');
  resumed.close();
});

test('under load, resumed again and again: every event once, each order\'s in order', async () => {
  const ORDERS = 300, CONNECTIONS = 12;
  const first = await events();
  let last = (await first.begun()).id;
  first.close();
  const made = new Set(), seen = new Map();
  const load = (async () => {
    for (let i = 0; i < ORDERS; i += 20) {
      for (const order of await Promise.all(Array.from({ length: 20 }, () => create()))) made.add(order.orderId);
    }
  })();
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const stream = await events({ headers: { ...all, 'Last-Event-ID': last } });
    for (let i = 0; i < ORDERS / CONNECTIONS; i++) {
      const event = await stream.next();
      assert.ok(event.id > last, 'ids grow');
      last = event.id;
      assert.ok(!seen.has(event.data.orderId), 'none twice');
      seen.set(event.data.orderId, event);
    }
    stream.close();
  }
  await load;
  assert.deepEqual([...seen.keys()].sort(), [...made].sort());
});

let lastOrderId; // of the orders before

test('a caller who stands for a customer follows that customer alone', async () => {
  const stream = await events({ headers: ada });
  await stream.begun();
  await create('bob');
  const mine = await create('ada', ada);
  assert.equal((await stream.next()).data.orderId, mine.orderId);
  stream.close();
  const other = await create('bob');
  lastOrderId = other.orderId;
  const refused = await follow(`${system.url}/v1/orders/${other.orderId}:watch`, { headers: ada });
  assert.equal(refused.status, 404);
  const timeline = () => fetch(`${system.url}/shop.v1.OrderService/ListOrderEvents`, {
    method: 'POST', headers: { ...ada, 'Content-Type': 'application/json' }, body: JSON.stringify({ orderId: other.orderId }) });
  await until(async () => (await timeline()).status === 404); // nor its timeline, once it has one
});

test('a cursor that is not known: said, then from now on', async () => {
  const stream = await events({ headers: { ...all, 'Last-Event-ID': '0000000000000001-00000001' } });
  const reset = await stream.next();
  assert.deepEqual([reset.event, reset.data.reason], ['reset', 'CURSOR_EXPIRED']);
  const { orderId } = await create();
  let event = await stream.next();
  if (event.data.orderId === lastOrderId) event = await stream.next(); // was still on its way when the stream began
  assert.equal(event.data.orderId, orderId);
  stream.close();
});

test('no key, a key without the scope, no such order', async () => {
  assert.equal((await events({ headers: {} })).status, 401);
  const narrow = { Authorization: `Bearer ${makeKey(keys, 'narrow', 'product.read')}` };
  await until(async () => (await events({ headers: narrow })).status === 403); // the file is read within a second
  const missing = await follow(`${system.url}/v1/orders/01a2145f-7ae2-866e-a16a-f38ccd1ada81:watch`, { headers: all });
  assert.equal(missing.body.error.details[0].reason, 'ORDER_NOT_FOUND');
});

test('as many streams as there may be, and not one more; silence; a stop ends them cleanly', async () => {
  const small = await startSystem({ ORDER_GATEWAY_KEYS: keys, ORDER_GATEWAY_STREAMS: '3', ORDER_GATEWAY_STREAMS_PER_CALLER: '2', ORDER_GATEWAY_EVENTS_HEARTBEAT_MS: '200' });
  const open = (headers = all) => follow(`${small.url}/v1/events`, { headers });
  const mine = [await open(), await open()];
  const refused = await open();
  assert.deepEqual([refused.status, refused.body.error.details[0].reason], [429, 'TOO_MANY_STREAMS']);
  assert.equal(refused.headers.get('retry-after'), '1');
  const hers = await open(ada);
  assert.equal(hers.status, 200);
  mine.pop().close();
  await until(async () => { // it is seen when the next comment cannot be written
    const stream = await open();
    if (stream.status === 200) mine.push(stream);
    return stream.status === 200;
  });
  const narrow = { Authorization: `Bearer ${makeKey(keys, 'fourth', 'order.read')}` };
  await until(async () => { const { status } = await open(narrow); assert.notEqual(status, 200, 'three in all'); return status === 429; });

  const response = await fetch(`${small.url}/v1/orders/x:watch`, { headers: all });
  assert.equal(response.status, 400);
  const ends = mine.map((stream) => stream.next());
  await small.stop();
  assert.deepEqual(await Promise.all([...ends, hers.next()]), [undefined, undefined, undefined], 'an end, not an error');
});
