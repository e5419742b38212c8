// What a caller sees of a store that is away, silent or answers errors: a code, a reason and a sentence - never the
// store's own words, an address, a port, a path, SQL or a password. By nng (orderctl call), Connect and REST.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { FINDING, until } from './gateway.mjs';
import { startSystem } from './system.mjs';

const CALL_MS = '700';
const run = promisify(execFile); // never the Sync ones: the proxies before the stores are in this process
const orderctl = (...args) => run(join(process.env.ORDER_BIN_DIR, 'orderctl'), args, { env: { ...process.env, ORDER_ENDPOINT: system.endpoint } });
const psql = async (url, sql) => (await run('psql', ['--no-psqlrc', '-qtAX', url, '-c', sql])).stdout.trim();
const sql = (text) => psql(system.stores.postgres, text);
const adminSql = (text) => psql(process.env.TEST_DATABASE_URL, text);
let system, secrets, order;
before(async () => {
  system = await startSystem({ ORDER_GATEWAY_TIMEOUT_MS: CALL_MS }, { interposed: true });
  await orderctl('product', 'create', 'tea', '--name', 'Tea', '--price', '1.00', '--currency', 'EUR', '--on-hand', '100000');
  order = await until(place, { ms: 60000 });
  await until(async () => (await sql('SELECT count(*) FROM orders')) === '1', { ms: 60000 });
  // What the programs were given, in parts.
  secrets = [system.folder, system.database, ...Object.values(system.env)];
  for (const url of [...Object.values(system.stores), ...Object.values(system.links).map((link) => link.url)]) {
    const { hostname, port, password } = new URL(url);
    secrets.push(url, `${hostname}:`, `:${port}`, ...(port ? [port] : []), ...(password.length > 5 ? [password] : []));
  }
});
after(async () => { await system.stop(); });

async function place() {
  const response = await fetch(`${system.url}/v1/orders`, { method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ customerId: 'bob', lines: [{ productId: 'tea', quantity: 1 }] }) });
  return response.status === 200 ? response.json() : undefined;
}

// Service, method, request; REST's verb, path and body.
const lines = [{ productId: 'tea', quantity: 1 }], price = { currency: 'EUR', unitPriceMinor: '100' };
const calls = (id, n) => [
  ['Order', 'CreateOrder', { customerId: 'bob', lines }, 'POST', '/v1/orders', { customerId: 'bob', lines }],
  ['Order', 'GetOrder', { orderId: id }, 'GET', `/v1/orders/${id}`],
  ['Order', 'ListOrders', { customerId: 'bob' }, 'GET', '/v1/orders?customerId=bob'],
  ['Order', 'ConfirmOrder', { orderId: id }, 'POST', `/v1/orders/${id}:confirm`, {}],
  ['Order', 'CancelOrder', { orderId: id }, 'POST', `/v1/orders/${id}:cancel`, {}],
  ['Order', 'FulfillOrder', { orderId: id }, 'POST', `/v1/orders/${id}:fulfill`, {}],
  ['Order', 'ListOrderEvents', { orderId: id }, 'GET', `/v1/orders/${id}/events`],
  ['Product', 'CreateProduct', { product: { productId: `new-${n}`, displayName: 'N'.repeat(100), ...price } }, 'POST', '/v1/products',
    { product: { productId: `rest-${n}`, displayName: 'N'.repeat(100), ...price } }],
  ['Product', 'GetProduct', { productId: `none-${n}` }, 'GET', `/v1/products/none-${n}-rest`],
  ['Product', 'ListProducts', {}, 'GET', '/v1/products'],
  ['Product', 'GetStock', { productId: 'tea' }, 'GET', '/v1/products/tea/stock'],
  ['Product', 'AdjustStock', { productId: 'tea', delta: '1', reason: 'count' }, 'POST', '/v1/products/tea/stock:adjust', { delta: '1', reason: 'count' }],
  ['Admin', 'ListDeadLetters', {}, 'GET', '/v1/deadLetters'],
];

const STORES_WORDS = /\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|VALUES|EVALSHA?|FCALL|XADD|HGET|HSET)\b|relation |column |constraint|permission denied|does not exist|too long|pg_|psql|libpq|SQLSTATE|[0-9A-Z]{5}: |hiredis|NOPERM|WRONGTYPE|OOM |ERR |user_script|\.lua|\.[ch]:\d|PRECONDITION_FAILED|NOT_FOUND - |no queue|no exchange|127\.0\.0\.1|localhost|::1|\/tmp\/|\/var\/|\.sock|:\/\/|password|Connection refused|ECONN|errno/;

const visible = []; // [way, method, text] of each call that failed

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g; // of a call or an order: its digits may be a port's
const find = (text) => STORES_WORDS.exec(text)?.[0] ?? secrets.find((secret) => text.replace(UUID, '').includes(secret));

function note(way, method, text) {
  const found = find(text);
  visible.push([way, method]);
  assert.equal(found, undefined, `${way} ${method} shows "${found}": ${text}`);
}

async function connectCall([service, method, request]) {
  const response = await fetch(`${system.url}/shop.v1.${service}Service/${method}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', 'Connect-Timeout-Ms': CALL_MS }, body: JSON.stringify(request) });
  const text = await response.text();
  if (response.status === 200) return;
  const { code, message, details } = JSON.parse(text);
  const packed = details.map(({ value, debug }) => `${Buffer.from(value, 'base64').toString('latin1')} ${JSON.stringify(debug ?? '')}`);
  note('Connect', method, [code, message, ...packed].join('\n'));
}

async function restCall([, method, , verb, path, body]) {
  const response = await fetch(system.url + path, {
    method: verb, headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body) });
  const text = await response.text();
  if (response.status === 200) return;
  const { error } = JSON.parse(text);
  const details = error.details.map(({ '@type': _, ...detail }) => detail); // a type's name is a URL
  const headers = [...response.headers].filter(([name]) => name !== 'date').map((pair) => pair.join(': ')); // a time is no port
  note('REST', method, [JSON.stringify({ ...error, details }), ...headers].join('\n'));
}

async function nngCall([service, method, request]) {
  const error = await orderctl('call', `/shop.v1.${service}Service/${method}`, JSON.stringify(request), '--timeout', `${CALL_MS}ms`).catch((failed) => failed);
  const own = `endpoint: ${system.endpoint}`; // what the caller said himself
  if (!(error instanceof Error)) return;
  assert.ok(error.signal === null && !FINDING.test(error.stderr), error.stderr);
  note('nng', method, (error.stderr + error.stdout).replace(own, ''));
}

let round = 0;
async function callAll() {
  const list = calls(order.orderId, round++);
  for (const call of list) await Promise.all([connectCall(call), restCall(call), nngCall(call)]);
}

const redis = (...args) => run('redis-cli', ['-u', system.stores.redis, ...args]);

// least: of the calls, how many fail in each way: a fault that nobody notices would prove nothing.
async function under(parent, name, least, begin, end) {
  await parent.test(name, async () => {
    visible.length = 0;
    await begin();
    try {
      await callAll();
    } finally {
      await end();
    }
    const counts = ['nng', 'Connect', 'REST'].map((way) => visible.filter(([of]) => of === way).length);
    console.log(`${name}: failed by nng ${counts[0]}, Connect ${counts[1]}, REST ${counts[2]}`);
    for (const count of counts) assert.ok(count >= least, `${visible.join('; ')}`);
    await until(place, { ms: 60000 });
  });
}

test('what a caller sees of a store that fails', async (t) => {
  for (const leak of ['relation "orders" is away', 'SELECT 1', 'at 127.0.0.1', system.stores.redis, `as ${system.database}`]) {
    assert.notEqual(find(leak), undefined, `this test does not see ${leak}`);
  }
  const { port } = new URL(system.stores.redis);
  assert.equal(find(`x-call-id: 01a${port}-0134-7756-ab82-8761c35d3203`), undefined);
  assert.equal(find(`port ${port}`), port);
  await under(t, 'postgres: a value is too long', 1,
    async () => sql('ALTER TABLE products ALTER COLUMN display_name TYPE varchar(5)'),
    async () => sql('ALTER TABLE products ALTER COLUMN display_name TYPE text'));
  for (const [store, least] of [['redis', 2], ['postgres', 3], ['rabbitmq', 0]]) {
    for (const mode of ['refuse', 'hold']) {
      await under(t, `${store}: ${mode}`, least, async () => system.links[store].set(mode), async () => system.links[store].set('pass'));
    }
  }
  await under(t, 'redis answers errors', 2,
    async () => redis('ACL', 'SETUSER', 'default', '-eval', '-evalsha', '-hmget', '-hget', '-hgetall', '-get', '-mget'),
    async () => redis('ACL', 'SETUSER', 'default', '+@all'));
  await under(t, 'redis is out of memory', 1,
    async () => redis('CONFIG', 'SET', 'maxmemory', '1'), async () => redis('CONFIG', 'SET', 'maxmemory', '0'));
  await under(t, 'postgres: missing tables', 3,
    async () => { for (const table of ['products', 'orders', 'order_events', 'dead_letters']) await sql(`ALTER TABLE ${table} RENAME TO hidden_${table}`); },
    async () => { for (const table of ['products', 'orders', 'order_events', 'dead_letters']) await sql(`ALTER TABLE hidden_${table} RENAME TO ${table}`); });
  await under(t, 'postgres: a rule of the schema is broken', 1,
    async () => sql('ALTER TABLE products ADD CONSTRAINT short CHECK (length(display_name) < 5) NOT VALID'),
    async () => sql('ALTER TABLE products DROP CONSTRAINT short'));
  await under(t, 'postgres takes no connections', 3,
    async () => {
      await adminSql(`ALTER DATABASE ${system.database} ALLOW_CONNECTIONS false`);
      await adminSql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${system.database}'`);
    },
    async () => adminSql(`ALTER DATABASE ${system.database} ALLOW_CONNECTIONS true`));
  await under(t, 'rabbitmq has no queue', 0,
    async () => run('rabbitmqctl', ['-q', 'delete_queue', system.env.ORDER_QUEUE]), async () => {});
});
