// order-gateway and orderctl with two servers in their list of endpoints, one of which is killed under load.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from './gateway.mjs';
import { startSystem } from './system.mjs';

const LOOPS = 4, BEFORE = 40, AFTER = 80; // orders of a loop, each with a read

let system;
before(async () => {
  system = await startSystem({ ORDER_GATEWAY_TIMEOUT_MS: '10000' }, { servers: 2 });
  system.orderctl('product', 'create', 'chai', '--name', 'Chai', '--price', '18.00', '--currency', 'EUR', '--on-hand', '100000');
});
after(async () => { await system.stop(); });

const post = (key) => fetch(`${system.url}/v1/orders`, {
  method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key, Traceparent: trace },
  body: JSON.stringify({ customerId: 'bob', confirm: true, lines: [{ productId: 'chai', quantity: 1 }] }) });
const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('one of two servers is killed: no read fails, each order is there once', async () => {
  const answers = { reads: 0, orders: new Map() };
  let killed = false, done = 0;
  const loop = async (name) => {
    for (let i = 0; i < BEFORE || !killed || i < BEFORE + AFTER; i++) {
      const read = await fetch(`${system.url}/v1/products/chai/stock`);
      assert.equal(read.status, 200, await read.clone().text());
      answers.reads++;
      const key = `${name}-${i}`;
      const order = await post(key);
      assert.equal(order.status, 200, await order.clone().text());
      answers.orders.set(key, (await order.json()).orderId);
      done++;
    }
  };
  const loops = Promise.all(Array.from({ length: LOOPS }, (_, i) => loop(`loop${i}`)));
  await Promise.race([loops, until(async () => done >= LOOPS * BEFORE / 2, { ms: 120000 })]);
  system.servers[0].child.kill('SIGKILL');
  assert.equal(await system.servers[0].exit, 'SIGKILL');
  killed = true;
  await loops;
  // The same key again is the same order.
  for (const key of ['loop0-0', 'loop1-30', 'loop2-50']) assert.equal((await (await post(key)).json()).orderId, answers.orders.get(key));
  const orders = answers.orders.size;
  assert.equal(new Set(answers.orders.values()).size, orders);
  await until(async () => Number(system.sql('SELECT count(*) FROM orders')) >= orders, { ms: 120000, tell: () => system.worker.log.join('\n') });
  console.log(`${answers.reads} reads, ${orders} orders, none failed`);
  assert.equal(Number(system.sql('SELECT count(*) FROM orders')), orders);
  assert.equal(Number(system.sql("SELECT reserved FROM stock WHERE product_id = 'chai'")), orders);
});

test('orderctl with both endpoints goes to the one that lives', () => {
  for (let i = 0; i < 5; i++) assert.match(system.orderctl('product', 'get', 'chai', '-o', 'json'), /"chai"/);
});

test("an HTTP caller's trace is in the worker's log", async () => {
  await until(async () => system.worker.log.some((line) => line.includes(trace)), { ms: 120000, tell: () => system.worker.log.join('\n') });
});

test('over HTTP nobody names a price, although the gateway has the local socket', async () => {
  const order = { customerId: 'bob', lines: [{ productId: 'chai', quantity: 1, unitPriceMinor: '1' }] };
  const local = JSON.parse(system.orderctl('call', '/shop.v1.OrderService/CreateOrder', JSON.stringify(order)));
  assert.equal(local.totalMinor, '1');
  for (const path of ['v1/orders', 'shop.v1.OrderService/CreateOrder']) {
    const response = await fetch(`${system.url}/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(order) });
    assert.equal(response.status, 403, path);
    assert.match(await response.text(), /may be given over the local ipc socket only/);
  }
});
