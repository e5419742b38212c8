// Orders' events as server-sent events, from the whole system: once each, in order, resumed without a gap.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeKey, startGateway, until } from './gateway.mjs';
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
const placed = []; // the ids of all orders, the last one last
const create = async (customerId = 'bob', headers = all) => {
  const order = await post('/v1/orders', { customerId, confirm: true, lines: [{ productId: 'chai', quantity: 1 }] }, headers);
  placed.push(order.orderId);
  return order;
};
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
  const ordered = new Set(), seen = new Map();
  const load = (async () => {
    for (let i = 0; i < ORDERS; i += 20) {
      for (const order of await Promise.all(Array.from({ length: 20 }, () => create()))) ordered.add(order.orderId);
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
  assert.deepEqual([...seen.keys()].sort(), [...ordered].sort());
});

test('a caller who stands for a customer follows that customer alone', async () => {
  const stream = await events({ headers: ada });
  await stream.begun();
  await create('bob');
  const mine = await create('ada', ada);
  assert.equal((await stream.next()).data.orderId, mine.orderId);
  stream.close();
  const other = await create('bob');
  const refused = await follow(`${system.url}/v1/orders/${other.orderId}:watch`, { headers: ada });
  assert.equal(refused.status, 404);
  const timeline = () => fetch(`${system.url}/shop.v1.OrderService/ListOrderEvents`, {
    method: 'POST', headers: { ...ada, 'Content-Type': 'application/json' }, body: JSON.stringify({ orderId: other.orderId }) });
  await until(async () => (await timeline()).status === 404); // nor its timeline, once it has one
});

test('somebody else\'s order and one that is not there look the same', async () => {
  const other = await create('bob');
  const none = '01a2145f-7ae2-866e-a16a-f38ccd1ada81';
  const asked = {
    get: (id) => fetch(`${system.url}/v1/orders/${id}`, { headers: ada }),
    events: (id) => fetch(`${system.url}/v1/orders/${id}/events`, { headers: ada }),
    watch: (id) => fetch(`${system.url}/v1/orders/${id}:watch`, { headers: ada }),
    connect: (id) => fetch(`${system.url}/shop.v1.OrderService/GetOrder`, {
      method: 'POST', headers: { ...ada, 'Content-Type': 'application/json' }, body: JSON.stringify({ orderId: id }) }),
  };
  await until(async () => (await fetch(`${system.url}/v1/orders/${other.orderId}/events`, { headers: all })).json().then((page) => page.orderEvents.length > 0));
  for (const [name, ask] of Object.entries(asked)) {
    const [theirs, nobodys] = await Promise.all([ask(other.orderId), ask(none)]);
    assert.deepEqual([theirs.status, await theirs.text()], [404, await nobodys.text()], name);
    assert.equal(nobodys.status, 404, name);
  }
  const cancelled = await fetch(`${system.url}/v1/orders/${other.orderId}:cancel`, { method: 'POST', headers: ada });
  assert.equal(cancelled.status, 403);
  const list = await (await fetch(`${system.url}/v1/orders?pageSize=1000`, { headers: ada })).json();
  assert.ok(list.orders.every((order) => order.customerId === 'ada'));
});

test('over a new gateway: from where the old one was left', async (t) => {
  const [one, two] = await Promise.all([0, 1].map(() => startGateway({ ORDER_ENDPOINT: system.endpoint, ORDER_GATEWAY_KEYS: keys }, { withServer: false })));
  t.after(() => two.stop());
  const stream = await follow(`${one.url}/v1/events`, { headers: all });
  await stream.begun();
  const made = [];
  for (let i = 0; i < 3; i++) made.push((await create()).orderId);
  const first = await stream.next();
  stream.close();
  await one.stop();
  made.push((await create()).orderId);
  const resumed = await follow(`${two.url}/v1/events`, { headers: { ...all, 'Last-Event-ID': first.id } });
  const seen = [first.data.orderId];
  for (let i = 1; i < made.length; i++) seen.push((await resumed.next()).data.orderId);
  assert.deepEqual(seen.sort(), made.sort());
  resumed.close();
});

test('a stream ends with the key that it was opened with: revoked, or expired', async () => {
  const doomed = makeKey(keys, 'doomed', 'order.read');
  const brief = makeKey(keys, 'brief', 'order.read');
  const open = (key) => until(async () => { // the file is read within a second
    const stream = await events({ headers: { 'X-Api-Key': key } });
    return stream.status === 200 && stream;
  });
  const [first, second, third] = [await open(doomed), await open(brief), await events()];
  await Promise.all([first, second, third].map((stream) => stream.begun()));
  system.orderctl('keys', 'revoke', doomed.split('_')[1], '--file', keys);
  assert.equal(await first.next(), undefined, 'an end');
  assert.equal((await events({ headers: { 'X-Api-Key': doomed } })).body.error.details[0].reason, 'KEY_INVALID');
  const soon = Math.floor(Date.now() / 1000) + 2;
  const lines = readFileSync(keys, 'utf8').split('\n').map((line) => (line.startsWith(brief.split('_')[1]) ? line.replace(/-$/, String(soon)) : line));
  assert.ok(lines.some((line) => line.endsWith(String(soon))));
  writeFileSync(keys, lines.join('\n'));
  assert.equal(await second.next(), undefined, 'an end');
  assert.ok(Date.now() / 1000 >= soon, 'not before its time');
  assert.equal((await events({ headers: { 'X-Api-Key': brief } })).status, 401);
  const { orderId } = await create();
  assert.equal((await third.next()).data.orderId, orderId, 'the others go on');
  third.close();
});

test('an order of 2,000 lines that changed often: all of it, while others are served; who does not take it is cut off', async (t) => {
  const LINES = 2000, CHANGES = 90, product = 'p'.repeat(64);
  const small = await startGateway({ ORDER_ENDPOINT: system.endpoint, ORDER_GATEWAY_TRANSFER_MS: '5000' }, { withServer: false });
  t.after(() => small.stop());
  const send = async (path, body) => {
    const response = await fetch(small.url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  };
  system.orderctl('product', 'create', product, '--name', 'Large', '--price', '1.00', '--currency', 'EUR', '--on-hand', String(LINES * CHANGES));
  const { orderId } = await send('/v1/orders', { customerId: 'bob', confirm: true, lines: Array.from({ length: LINES }, () => ({ productId: product, quantity: CHANGES })) });
  const lines = Array.from({ length: LINES }, (_, i) => ({ lineNumber: i + 1, quantity: 1 }));
  for (let i = 0; i < CHANGES; i++) await send(`/v1/orders/${orderId}:fulfill`, { lines });
  const all = Array.from({ length: CHANGES + 1 }, (_, i) => i + 1);
  const listed = async () => { // more than fits into one answer
    const versions = [];
    for (let token = ''; ;) {
      const page = await (await fetch(`${small.url}/v1/orders/${orderId}/events?pageSize=1000&pageToken=${token}`)).json();
      versions.push(...page.orderEvents.map((event) => event.version));
      token = page.nextPageToken;
      if (!token) return versions;
    }
  };
  await until(async () => (await listed()).length === all.length);
  assert.deepEqual(await listed(), all);

  const lazy = connect(small.port, '127.0.0.1').on('error', () => {});
  t.after(() => lazy.destroy());
  lazy.pause(); // the kernel takes some 4 MB for it, and it takes nothing
  lazy.write(`GET /v1/orders/${orderId}:watch HTTP/1.1\r\nHost: x\r\n\r\n`);
  const streams = async () => Number(/^order_gateway_streams (\d+)$/m.exec(await (await fetch(`${small.operations}/metrics`)).text())[1]);
  await until(async () => await streams() === 1);
  const watch = await follow(`${small.url}/v1/orders/${orderId}:watch`);
  const watched = (async () => {
    assert.equal((await watch.next()).data.lines.length, LINES);
    for (const version of all) {
      const event = await watch.next();
      assert.deepEqual([event.id, event.data.lines.length], [String(version), version === 1 ? 0 : LINES]);
    }
  })();
  const feed = await follow(`${small.url}/v1/events`);
  await feed.begun();
  const made = await create();
  assert.equal((await feed.next()).data.orderId, made.orderId);
  await watched;
  await until(async () => await streams() === 2, { tell: () => 'the lazy one is not cut off' });
  watch.close();
  feed.close();
});

test('streams have one verb, and no parameters', async () => {
  for (const path of ['/v1/events', '/v1/orders/x:watch']) {
    for (const method of ['HEAD', 'POST', 'DELETE']) {
      const response = await fetch(system.url + path, { method, headers: all });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET'], `${method} ${path}`);
    }
    const response = await fetch(`${system.url}${path}?customerId=ada`, { headers: all });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /"reason":"UNKNOWN_FIELD"/);
  }
  const { orderId } = await create();
  const escaped = await follow(`${system.url}/v1/orders/${orderId.replaceAll('-', '%2D')}:watch`, { headers: all });
  assert.equal((await escaped.next()).data.orderId, orderId);
  escaped.close();
  for (const id of ['%', '%zz', '%00', '%ff']) {
    assert.equal((await fetch(`${system.url}/v1/orders/${id}:watch`, { headers: all })).status, 400, id);
  }
});

test('a cursor that is not known: said, then from now on', async () => {
  const stream = await events({ headers: { ...all, 'Last-Event-ID': '0000000000000001-00000001' } });
  const reset = await stream.next();
  assert.deepEqual([reset.event, reset.data.reason], ['reset', 'CURSOR_EXPIRED']);
  const recent = placed.slice(-5); // may still have been on their way when the stream began
  const { orderId } = await create();
  let event = await stream.next();
  while (recent.includes(event.data.orderId)) event = await stream.next();
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

test('orders of others are not told from orders that are not there', async () => {
  const NOBODY = '01a2145f-7ae2-866e-a16a-f38ccd1ada81';
  const { orderId: hers } = await create('ada', ada), { orderId: his } = await create('bob');
  const get = async (path, headers = ada) => {
    const response = await fetch(system.url + path, { headers });
    return [response.status, JSON.parse((await response.text()).replaceAll(his, 'ID').replaceAll(NOBODY, 'ID'))];
  };
  for (const form of ['/v1/orders/ID', '/v1/orders/ID/events', '/v1/orders/ID/events?pageSize=1', '/v1/orders/ID:watch', `/v1/orders:batchGet?orderIds=${hers}&orderIds=ID`]) {
    const [status, body] = await get(form.replace('ID', his));
    assert.deepEqual([status, body], await get(form.replace('ID', NOBODY)), form);
    assert.equal(status, form.includes('batchGet') ? 200 : 404, form);
  }
  const [, batch] = await get(`/v1/orders:batchGet?orderIds=${his}&orderIds=${hers}`);
  assert.deepEqual([batch.orders.map((order) => order.orderId), batch.missingOrderIds], [[hers], ['ID']]);
  const [, everybody] = await get(`/v1/orders:batchGet?orderIds=${his}&orderIds=${hers}`, all);
  assert.equal(everybody.orders.length, 2);
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
