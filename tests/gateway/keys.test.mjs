// API keys: who may call what, whose orders, revoked while the gateway runs.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkMetrics, makeKey, orderctl, startGateway, until } from './gateway.mjs';

const folder = mkdtempSync(join(tmpdir(), 'order-keys-'));
const file = join(folder, 'keys');
let system, all, ada, bob, reader, doomed;

before(async () => {
  all = makeKey(file, 'shop', '*');
  ada = makeKey(file, 'ada', 'order.read,order.write,product.read,product.write', 'c-ada');
  bob = makeKey(file, 'bob', 'order.read,order.write', 'c-bob');
  reader = makeKey(file, 'reader', 'product.read');
  doomed = makeKey(file, 'doomed', '*');
  system = await startGateway({ ORDER_GATEWAY_KEYS: file });
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true });
});

const call = (key, verb, path, body) => fetch(system.url + path, {
  method: verb, body: body === undefined ? undefined : JSON.stringify(body),
  headers: { ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) } });
const refused = async (response, status, reason) => {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(text, new RegExp(`"reason":"${reason}"`));
};

test('without a key, or with one that is nobody\'s: 401', async () => {
  const response = await call(undefined, 'GET', '/v1/orders');
  assert.equal(response.headers.get('www-authenticate'), 'Bearer');
  await refused(response, 401, 'KEY_MISSING');
  for (const wrong of ['', 'x', 'ok_', `${all}0`, all.slice(0, -1), all.toUpperCase(), all.replace(/.$/, (c) => (c === '0' ? '1' : '0'))]) {
    await refused(await call(wrong, 'GET', '/v1/orders'), 401, 'KEY_INVALID');
  }
  await refused(await fetch(`${system.url}/v1/orders`, { headers: { Authorization: 'Basic YTpi' } }), 401, 'KEY_INVALID');
  await refused(await call(undefined, 'POST', '/shop.v1.OrderService/GetOrder', {}), 401, 'KEY_MISSING');
});

test('a key by either header', async () => {
  assert.equal((await call(all, 'GET', '/v1/orders')).status, 200);
  assert.equal((await fetch(`${system.url}/v1/orders`, { headers: { 'X-Api-Key': all } })).status, 200);
});

test('scopes', async () => {
  assert.equal((await call(reader, 'GET', '/v1/products/p')).status, 200);
  await refused(await call(reader, 'POST', '/v1/products/p/stock:adjust', { delta: '1' }), 403, 'SCOPE_MISSING');
  await refused(await call(reader, 'GET', '/v1/orders/o'), 403, 'SCOPE_MISSING');
  await refused(await call(reader, 'POST', '/shop.v1.OrderService/CreateOrder', {}), 403, 'SCOPE_MISSING');
});

test('the customer comes from the key', async () => {
  const order = { lines: [{ productId: 'p', quantity: 1 }] };
  const made = await (await call(ada, 'POST', '/v1/orders', order)).json();
  assert.equal(made.customerId, 'c-ada');
  assert.equal((await call(ada, 'POST', '/v1/orders', { ...order, customerId: 'c-ada' })).status, 200);
  await refused(await call(ada, 'POST', '/v1/orders', { ...order, customerId: 'c-bob' }), 403, 'OTHER_CUSTOMER');
  await refused(await call(bob, 'GET', '/v1/orders?customerId=c-ada'), 403, 'OTHER_CUSTOMER');
  await refused(await call(ada, 'POST', '/shop.v1.OrderService/CreateOrder', { customerId: 'c-bob' }), 403, 'OTHER_CUSTOMER');
  assert.equal((await (await call(all, 'POST', '/v1/orders', { ...order, customerId: 'any' })).json()).customerId, 'any');
});

test('what is another customer\'s is not there; what is for all is not a customer\'s', async () => {
  await refused(await call(ada, 'GET', '/v1/orders/others'), 404, 'NOT_FOUND'); // whatever the server says
  assert.equal((await call(all, 'GET', '/v1/orders/others')).status, 200);
  assert.equal((await (await call(ada, 'GET', '/v1/orders/o-1')).json()).customerId, 'c-ada', 'it is asked for as hers');
  await refused(await call(ada, 'GET', '/v1/orders:batchGet?orderIds=o-1&customerId=c-bob'), 403, 'OTHER_CUSTOMER');
  assert.equal((await call(all, 'GET', '/v1/orders/o-1')).status, 200);
  await refused(await call(ada, 'POST', '/v1/products/p/stock:adjust', { delta: '1' }), 403, 'CUSTOMER_NOT_NAMED');
  await refused(await call(ada, 'GET', '/v1/products/p/stock/movements'), 403, 'CUSTOMER_NOT_NAMED'); // whose orders they are it does not say
  const every = makeKey(file, 'every', '*', 'c-every');
  await until(async () => (await call(every, 'GET', '/v1/products/p')).status === 200);
  await refused(await call(every, 'GET', '/v1/deadLetters'), 403, 'CUSTOMER_NOT_NAMED');
  await refused(await call(every, 'GET', '/v1/stats'), 403, 'CUSTOMER_NOT_NAMED');
});

test('a key that expires while it is in use', async () => {
  const brief = makeKey(file, 'brief', 'order.read');
  await until(async () => (await call(brief, 'GET', '/v1/orders')).status === 200);
  const soon = Math.floor(Date.now() / 1000) + 2;
  const id = brief.split('_')[1];
  const lines = readFileSync(file, 'utf8').split('\n').map((line) => (line.startsWith(id) ? line.replace(/-$/, String(soon)) : line));
  assert.ok(lines.some((line) => line.endsWith(String(soon))));
  writeFileSync(file, lines.join('\n'));
  await until(async () => {
    const response = await call(brief, 'GET', '/v1/orders');
    if (response.status === 200) return false;
    await refused(response, 401, 'KEY_INVALID');
    return true;
  });
  assert.ok(Date.now() / 1000 >= soon, 'not before its time');
  assert.match(orderctl('keys', 'list', '--file', file, '-o', 'json'), new RegExp(`"keyId":\\s*"${id}"`));
  assert.equal((await call(all, 'GET', '/v1/orders')).status, 200, 'the others go on');
});

test('a scope that no method needs is said, not that of a method', async () => {
  makeKey(file, 'typist', 'order.none,order.*,order.read,product.write,admin.read');
  const said = () => system.gateway.log.filter((line) => line.includes('no method needs') && line.includes('name=typist')).map((line) => line.split('scope=').pop());
  await until(async () => { await call(all, 'GET', '/v1/orders'); return said().length > 0; });
  assert.deepEqual([...new Set(said())].sort(), ['order.*', 'order.none']);
});

test('ids of strangers cannot meet: the server sees the request_id mixed', async () => {
  // The mirror refuses a request_id of "gone" when it sees one.
  const key = (who) => fetch(`${system.url}/v1/orders`, { method: 'POST', body: '{}',
    headers: { Authorization: `Bearer ${who}`, 'Content-Type': 'application/json', 'Idempotency-Key': 'gone' } });
  assert.equal((await key(ada)).status, 200);
});

test('a file that is replaced again and again: nobody is ever locked out', async () => {
  for (let i = 0; i < 30; i++) {
    writeFileSync(`${file}.next`, `${readFileSync(file, 'utf8')}# ${i}\n`);
    renameSync(`${file}.next`, file);
    for (const response of await Promise.all([call(all, 'GET', '/v1/orders'), call(reader, 'GET', '/v1/products/p')])) assert.equal(response.status, 200);
  }
});

test('a file that is gone, or cannot be read: its keys stay in force, and that is said', async () => {
  const usable = async () => {
    const series = checkMetrics(await (await fetch(`${system.operations}/metrics`)).text());
    assert.ok(series.get('order_gateway_credentials_read_time_seconds{file="keys"}') > Date.now() / 1000 - 3600);
    return series.get('order_gateway_credentials_usable{file="keys"}');
  };
  const said = () => system.gateway.log.filter((line) => /\berror .*stay in force.*file=keys.*NO_KEYS/.test(line)).length;
  assert.equal(await usable(), 1);
  for (const replace of [() => {}, () => mkdirSync(file)]) {
    const before = said();
    renameSync(file, `${file}.away`);
    replace();
    await until(async () => await usable() === 0); // a page of metrics is a look, too
    await until(async () => said() > before);
    assert.equal((await call(all, 'GET', '/v1/orders')).status, 200);
    rmSync(file, { recursive: true, force: true });
    const late = makeKey(`${file}.away`, 'late', 'order.read');
    renameSync(`${file}.away`, file);
    await until(async () => await usable() === 1);
    await until(async () => (await call(late, 'GET', '/v1/orders')).status === 200);
    assert.ok(said() - before < 5, 'it is said once and every minute, not at every look');
  }
});

test('rotation: two keys in force, then the old one ends; a file that breaks changes nothing', async () => {
  const next = makeKey(file, 'doomed', '*');
  await until(async () => (await call(next, 'GET', '/v1/orders')).status === 200);
  assert.equal((await call(doomed, 'GET', '/v1/orders')).status, 200);
  orderctl('keys', 'revoke', doomed.split('_')[1], '--file', file);
  await until(async () => (await call(doomed, 'GET', '/v1/orders')).status === 401);
  appendFileSync(file, 'broken\n');
  await until(async () => { await call(all, 'GET', '/v1/orders'); return system.gateway.log.some((line) => line.includes('KEYS_MALFORMED')); });
  assert.equal((await call(next, 'GET', '/v1/orders')).status, 200);
  assert.ok(!system.gateway.log.some((line) => line.includes(all.slice(-20))), 'no key in the log');
});
