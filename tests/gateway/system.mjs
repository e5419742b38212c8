// The whole system for tests of order-gateway that need one: a Redis, a database and queues of their own,
// order-server, order-worker, and the gateway in front. Needs what ./dev test puts into the environment.
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, startGateway, stop, until } from './gateway.mjs';

const READY_MS = 300000; // sanitizers on a busy machine
let number = 0;

// Below the range of outgoing connections, one of which would have it before the server that it is meant for.
function freePort() {
  const port = randomInt(10000, 20000);
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(freePort()));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}

const sql = (url, text) => execFileSync('psql', ['--no-psqlrc', '-qtAX', url, '-c', text], { encoding: 'utf8' }).trim();

// Between the programs and a store: what is held stays connected and silent, what is refused is reset.
async function interpose(url) {
  const { hostname, port } = new URL(url);
  const callers = new Set();
  let mode = 'pass';
  const proxy = createServer((near) => {
    if (mode === 'refuse') { near.resetAndDestroy(); return; }
    const far = connect(Number(port), hostname);
    callers.add(near);
    near.on('close', () => callers.delete(near));
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('data', (data) => { if (mode === 'pass') other.write(data); });
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  const behind = new URL(url);
  behind.hostname = '127.0.0.1';
  behind.port = proxy.address().port;
  return {
    url: behind.href,
    // What was held is lost, so those connections do not come back. Closed, not reset: node does not end while a socket
    // is there that was reset while it was being shut down.
    set(wanted) {
      const cut = wanted === 'refuse' || mode === 'hold';
      mode = wanted;
      if (cut) for (const near of callers) near.destroy();
    },
    close() { for (const near of callers) near.destroy(); proxy.close(); },
  };
}

// settings: the gateway's. servers: how many. interposed: links.redis, .rabbitmq and .postgres may be set to 'hold'
// and 'refuse'.
export async function startSystem(settings = {}, { servers: serverCount = 1, interposed = false } = {}) {
  const { TEST_DATABASE_URL, TEST_RABBITMQ_URL, TEST_REDIS_SERVER, ORDER_BIN_DIR } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'order-system-'));
  const name = `order_test_gateway_${process.pid}_${number++}`;
  const database = TEST_DATABASE_URL.replace(/\/[^/?]*(\?|$)/, `/${name}$1`);
  const redisPort = await freePort();
  sql(TEST_DATABASE_URL, `CREATE DATABASE ${name} TEMPLATE order_template`);
  const redis = start(TEST_REDIS_SERVER, ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder,
    '--appendonly', 'yes', '--maxmemory-policy', 'noeviction', '--save', ''], {});
  const stores = { redis: `redis://127.0.0.1:${redisPort}`, rabbitmq: TEST_RABBITMQ_URL, postgres: database };
  const links = {};
  for (const store of interposed ? Object.keys(stores) : []) links[store] = await interpose(stores[store]);
  const url = (store) => links[store]?.url ?? stores[store];
  const endpoints = Array.from({ length: serverCount }, (_, i) => `ipc://${folder}/server${i}.sock`);
  const endpoint = endpoints.join(',');
  const env = {
    DATABASE_URL: url('postgres'), REDIS_URL: url('redis'), RABBITMQ_URL: url('rabbitmq'),
    ORDER_EXCHANGE: `${name}.events`, ORDER_QUEUE: `${name}.persist`,
    ORDER_PARKED_EXCHANGE: `${name}.parked-exchange`, ORDER_PARKED_QUEUE: `${name}.parked`,
  };
  const servers = endpoints.map((listen) => start(join(ORDER_BIN_DIR, 'order-server'), [], { ...env, ORDER_SERVER_LISTEN: listen }));
  const worker = start(join(ORDER_BIN_DIR, 'order-worker'), [], env);
  const orderctl = (...args) => execFileSync(join(ORDER_BIN_DIR, 'orderctl'), args,
    { encoding: 'utf8', env: { ...process.env, ORDER_ENDPOINT: endpoint }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const [i, one] of endpoints.entries()) { // each of them: a test may end another
    await until(async () => orderctl('health', '--timeout', '1s', '--endpoint', one),
      { ms: READY_MS, tell: () => servers[i].log.join('\n') }).catch(async (error) => {
      await stop(...servers, worker, redis).catch(() => {}); // else the test does not end
      for (const link of Object.values(links)) link.close();
      throw error;
    });
  }
  const gateway = await startGateway({ ORDER_ENDPOINT: endpoint, ...settings }, { withServer: false });
  return {
    ...gateway, orderctl, sql: (text) => sql(database, text), endpoint, servers, worker, links, stores, env, folder,
    database: name,
    async stop() {
      for (const link of Object.values(links)) link.set('pass');
      const ended = await Promise.allSettled([gateway.stop(), stop(...servers, worker)]);
      for (const link of Object.values(links)) link.close();
      await stop(redis);
      sql(TEST_DATABASE_URL, `DROP DATABASE ${name} WITH (FORCE)`);
      for (const queue of [env.ORDER_QUEUE, env.ORDER_PARKED_QUEUE]) execFileSync('rabbitmqctl', ['-q', 'delete_queue', queue], { stdio: 'ignore' });
      rmSync(folder, { recursive: true });
      for (const { reason } of ended) if (reason) throw reason;
    },
  };
}

// Server-sent events of a path. next(): the next one, as {id, event, data}; undefined when the stream ended.
// begun(): what happens from now on is told.
export async function follow(url, { headers = {} } = {}) {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  if (response.status !== 200) return { status: response.status, body: await response.json(), headers: response.headers };
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  async function next(wanted = 'event') {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const lines = text.slice(0, end).split('\n').filter((line) => !line.startsWith(':'));
        text = text.slice(end + 2);
        const fields = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
        if (fields[wanted] !== undefined) return { ...fields, data: fields.data && JSON.parse(fields.data) };
        continue;
      }
      const { value, done } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  }
  return { status: 200, type: response.headers.get('content-type'), next, begun: () => next('id'), close: () => abort.abort() };
}
