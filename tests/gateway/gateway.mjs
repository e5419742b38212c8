// What the tests of order-gateway share: the mirror server and a gateway in front of it, on ports and
// sockets of their own, and raw connections for what no HTTP client would send.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

export const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(process.env.ORDER_CONTRACTS)));
// All that the gateway serves.
export const services = [...registry].filter((desc) => desc.kind === 'service' && (desc.typeName.startsWith('shop.v1.') || desc.typeName === 'rpc.v1.Admin'));

// Of a busy machine with sanitizers: how long a test waits before it says that something does not come.
const PATIENCE_MS = 60000;

// What is wrong when a log says it: sanitizers, nng, assert.
export const FINDING = /Sanitizer|runtime error:|panic:|Assertion `/;
const TOLD_LINES = 60;

// A program. log: the lines of its stderr. exit: its exit code or signal, when the log is complete. listening: the
// fields of its "listening" line.
export function start(path, args, env) {
  const child = spawn(path, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const log = [];
  const exit = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  const listening = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${path} does not listen\n${log.join('\n')}`)), PATIENCE_MS);
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      if (!line.includes(' listening ')) return;
      clearTimeout(late);
      resolve(Object.fromEntries(line.split(' ').filter((pair) => pair.includes('=')).map((pair) => pair.split('='))));
    });
    exit.then((code) => { clearTimeout(late); reject(new Error(`${path} ended: ${code}\n${log.join('\n')}`)); });
  });
  listening.catch(() => {});
  return { path, child, log, exit, listening };
}

// Ends programs. Fails where one did not end with 0 - or by SIGTERM before it could handle that, or killed by its
// test - or had a finding in its log: a leak shows only here.
export async function stop(...programs) {
  for (const { child } of programs) child.kill('SIGTERM');
  const codes = await Promise.all(programs.map(({ exit }) => exit));
  for (const [i, { path, log }] of programs.entries()) {
    const found = log.findIndex((line) => FINDING.test(line));
    assert.equal(found, -1, `${path}: ${log.slice(found, found + TOLD_LINES).join('\n')}`);
    assert.ok([0, 'SIGTERM', 'SIGKILL'].includes(codes[i]), `${path} ended with ${codes[i]}\n${log.slice(-TOLD_LINES).join('\n')}`);
  }
}

export async function startGateway(settings = {}, { withServer = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'order-gateway-'));
  const endpoint = `ipc://${folder}/server.sock`;
  const server = withServer ? start(process.env.ORDER_MIRROR_SERVER, [endpoint], {}) : undefined;
  const gateway = start(process.env.ORDER_GATEWAY, [], {
    ORDER_ENDPOINT: endpoint, ORDER_GATEWAY_LISTEN: '127.0.0.1:0', ORDER_GATEWAY_OPERATIONS_LISTEN: '127.0.0.1:0',
    ORDER_GATEWAY_TIMEOUT_MS: '30000', ...settings, // answers count here, not how soon they come
  });
  const programs = server ? [gateway, server] : [gateway];
  const [listening] = await Promise.all(programs.map((program) => program.listening)).catch(async (error) => {
    await stop(...programs).catch(() => {});
    rmSync(folder, { recursive: true });
    throw error;
  });
  const { port, operations_port: operationsPort } = listening;
  return {
    gateway, server, port: Number(port),
    url: `http://127.0.0.1:${port}`, operations: `http://127.0.0.1:${operationsPort}`,
    async stop() {
      gateway.child.kill('SIGTERM'); // before the server: it finishes what is under way
      await gateway.exit;
      await stop(...programs).finally(() => rmSync(folder, { recursive: true }));
    },
  };
}

export const orderctl = (...args) => execFileSync(process.env.ORDERCTL, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export const makeKey = (file, name, scopes, customer) =>
  orderctl('keys', 'create', name, '--file', file, '--scopes', scopes, ...(customer ? ['--customer', customer] : [])).trim();

// A page of metrics as Prometheus wants it (text format 0.0.4): each family told once, before its values, and together;
// no series twice; buckets that grow up to a last one, +Inf, that is the count.
export function checkMetrics(text) {
  assert.ok(text.endsWith('\n'));
  const types = new Map(), series = new Map();
  let family;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.ok(!types.has(name), `told twice: ${line}`);
      family = name;
      types.set(name, undefined);
    } else if (kind === 'TYPE') {
      assert.equal(name, family, line);
      assert.match(rest, /^(counter|gauge|histogram)$/, line);
      types.set(name, rest);
      if (rest === 'counter') assert.match(name, /_total$/);
    } else {
      const [, key, value] = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)+\})?) (\S+)$/.exec(line) ?? [];
      assert.ok(key, line);
      assert.ok(Number.isFinite(Number(value)), line);
      const own = types.get(family) === 'histogram' ? key.replace(/_(bucket|sum|count)(?=\{|$)/, '') : key;
      assert.equal(own.replace(/\{.*/, ''), family, line);
      assert.ok(!series.has(key), `twice: ${line}`);
      series.set(key, Number(value));
    }
  }
  for (const [name, type] of types) {
    if (type === 'histogram') checkHistogram(name, series);
  }
  return series;
}

function checkHistogram(name, series) {
  const counts = [...series].filter(([key]) => key.startsWith(`${name}_count`));
  assert.ok(counts.length > 0, name);
  for (const [key, count] of counts) {
    const labels = key.slice(`${name}_count`.length).replace(/\}$/, ',') || '{';
    const buckets = [...series].filter(([bucket]) => bucket.startsWith(`${name}_bucket${labels}`));
    let below = 0, last = -Infinity;
    for (const [bucket, value] of buckets) {
      const le = /le="([^"]+)"/.exec(bucket)[1], bound = le === '+Inf' ? Infinity : Number(le);
      assert.ok(bound > last && value >= below, bucket);
      [last, below] = [bound, value];
    }
    assert.deepEqual([last, below], [Infinity, count], key);
    assert.ok(series.get(key.replace('_count', '_sum')) >= 0, key);
  }
}

// Sends bytes as they are; resolves with all that comes until the peer closes. closed: false when it does not, and
// `ms` pass in silence.
export function raw(port, bytes, { ms = PATIENCE_MS, end = false } = {}) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks = [];
    let quiet;
    const done = (closed) => {
      clearTimeout(quiet);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString('latin1'), closed });
    };
    const wait = () => { clearTimeout(quiet); quiet = setTimeout(() => done(false), ms); };
    socket.on('connect', () => { if (end) socket.end(bytes); else socket.write(bytes); wait(); });
    socket.on('data', (data) => { chunks.push(data); wait(); });
    socket.on('error', () => done(true));
    socket.on('close', () => done(true));
  });
}

// tell: what else to say when it does not come about.
export async function until(what, { ms = PATIENCE_MS, tell = () => '' } = {}) {
  for (const end = Date.now() + ms; ;) {
    let why = '';
    const result = await what().catch((error) => { why = error.message; });
    if (result) return result;
    assert.ok(Date.now() < end, `it did not come about in time ${why}\n${tell()}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}
