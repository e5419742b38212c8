// order-gateway against peers that mean harm or do not know better: always a 4xx or a clean close, never
// a crash, and others unharmed. Random ones are in random.test.mjs.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { raw, startGateway, until } from './gateway.mjs';
import { AMBIGUOUS, GET } from './malformed.mjs';

let system;
before(async () => {
  system = await startGateway({ ORDER_GATEWAY_IDLE_MS: '700', ORDER_GATEWAY_TRANSFER_MS: '700', ORDER_GATEWAY_BODY_BYTES: '65536' });
});
after(() => system.stop());

// A connection each: one that is kept may be closed for its idleness just when it is used again.
const once = (url, { headers = {}, ...options } = {}) => fetch(url, { ...options, headers: { ...headers, Connection: 'close' } });
const fine = async () => {
  const response = await once(`${system.url}/shop.v1.OrderService/GetOrder`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"orderId":"o"}' });
  return response.status === 200;
};

for (const [name, bytes] of Object.entries(AMBIGUOUS)) {
  test(`${name}: refused, and nothing behind it is heard`, async () => {
    const { text, closed } = await raw(system.port, Buffer.from(`${bytes}GET /second HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'));
    const answers = text.match(/HTTP\/1\.[01] \d+/g) ?? [];
    assert.ok(closed, text);
    assert.ok(answers.length <= 1, text);
    assert.ok(answers.every((answer) => /(4\d\d|50[15])$/.test(answer)), text);
  });
}

test('limits on headers and bodies', async () => {
  const many = Array.from({ length: 65 }, (_, i) => `A${i}: b\r\n`).join('');
  assert.match((await raw(system.port, `${GET}${many}\r\n`)).text, /^HTTP\/1\.1 431 /);
  assert.match((await raw(system.port, `${GET}A: ${'x'.repeat(40000)}\r\n\r\n`)).text, /^HTTP\/1\.1 431 /);
  assert.match((await raw(system.port, `GET /${'x'.repeat(40000)} HTTP/1.1\r\nHost: a\r\n\r\n`)).text, /^HTTP\/1\.1 414 /);
  assert.match((await raw(system.port, `${GET}Content-Length: 65537\r\n\r\n`)).text, /^HTTP\/1\.1 413 /);
  const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
  assert.match((await raw(system.port, `${GET}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`)).text, /^HTTP\/1\.1 413 /);
  const most = `{"orderId":"o"}${' '.repeat(65536 - 15)}`;
  assert.match((await raw(system.port, `${GET}Content-Length: ${most.length}\r\n\r\n${most}`)).text, /^HTTP\/1\.1 200 /);
  assert.match((await raw(system.port, `${GET}Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n`)).text, /^HTTP\/1\.1 413 /);
  assert.ok(await fine());
});

test('bodies in pieces of every size', async () => {
  const body = '{"orderId":"o"}';
  for (let size = 1; size < body.length; size++) {
    const pieces = body.match(new RegExp(`.{1,${size}}`, 'g')).map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
    const { text } = await raw(system.port, `${GET}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${pieces}0\r\n\r\n`);
    assert.match(text, /\{"orderId":"o"\}$/);
  }
});

// One byte now and then keeps a timeout of inactivity from ever ending.
const DRIBBLE_MS = 100, DRIBBLED = 1000;
const UNCUT_MS = DRIBBLE_MS * DRIBBLED; // for all of it, at the least
function dribble(bytes) {
  return new Promise((resolve) => {
    const started = Date.now();
    const socket = connect(system.port, '127.0.0.1');
    let i = 0;
    const timer = setInterval(() => { if (i < bytes.length) socket.write(bytes[i++]); }, DRIBBLE_MS);
    const done = () => { clearInterval(timer); resolve(Date.now() - started); };
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', done);
  });
}

test('slow headers, slow bodies, silence: cut off, others served meanwhile', async () => {
  const slow = [dribble(`${GET}A: ${'x'.repeat(DRIBBLED)}\r\n\r\n`), dribble('GET /'.padEnd(DRIBBLED, 'x')), dribble('')];
  const body = connect(system.port, '127.0.0.1');
  slow.push(new Promise((resolve) => {
    const started = Date.now();
    body.write(`${GET}Content-Length: ${DRIBBLED}\r\n\r\n`);
    const timer = setInterval(() => body.write('x'), DRIBBLE_MS);
    body.on('error', () => {});
    body.on('close', () => { clearInterval(timer); resolve(Date.now() - started); });
  }));
  assert.ok(await fine());
  for (const ms of await Promise.all(slow)) assert.ok(ms < UNCUT_MS, `${ms} ms`);
});

test('slowloris: hundreds of them, and everyone else is served', async () => {
  const slow = Array.from({ length: 300 }, (_, i) => dribble(`${GET}A${i}: ${'x'.repeat(DRIBBLED)}\r\n\r\n`));
  for (let i = 0; i < 50; i++) assert.ok(await fine());
  for (const ms of await Promise.all(slow)) assert.ok(ms < UNCUT_MS, `${ms} ms`);
});

const busy = async () => Number(/requests_busy (\d+)\n/.exec(await (await once(`${system.operations}/metrics`)).text())[1]);

test('who does not take the answers is cut off', async () => {
  const { length } = await (await once(`${system.url}/openapi.json`)).text();
  const asked = 1000; // more than all buffers on the way take
  const socket = connect(system.port, '127.0.0.1');
  let taken = 0;
  const closed = new Promise((resolve) => { socket.on('close', resolve); });
  socket.on('error', () => {});
  socket.pause();
  socket.write('GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(asked));
  await until(async () => await busy() > 0);
  let idle = 0; // looks in a row: between two of the answers nothing is busy, either
  await until(async () => { idle = await busy() === 0 ? idle + 1 : 0; return idle === 10; });
  socket.on('data', (data) => { taken += data.length; });
  socket.resume();
  await closed;
  assert.ok(taken > 0 && taken < asked * length, `${taken} of ${asked * length} bytes`);
  assert.ok(await fine());
});

test('who holds all connections holds them for a time', async () => {
  const small = await startGateway({ ORDER_GATEWAY_IDLE_MS: '700', ORDER_GATEWAY_CONNECTIONS: '8' });
  const ask = (options) => raw(small.port, `${GET}Content-Length: 15\r\nConnection: close\r\n\r\n{"orderId":"o"}`, options);
  const held = [];
  await until(async () => { // those of before may have been cut off already
    held.push(...Array.from({ length: 8 }, () => connect(small.port, '127.0.0.1').on('error', () => {})));
    return !/ 200 /.test((await ask({ ms: 300 })).text);
  });
  await until(async () => / 200 /.test((await ask()).text));
  for (const socket of held) socket.destroy();
  await small.stop();
  const fair = await startGateway({ ORDER_GATEWAY_CONNECTIONS_PER_ADDRESS: '2' });
  const three = [1, 2, 3].map(() => raw(fair.port, `${GET}A: `)); // which is no request yet: only one too many is closed
  assert.ok((await Promise.race(three)).closed);
  await fair.stop();
});

test('who goes away in the middle harms nobody', async () => {
  await Promise.all(Array.from({ length: 200 }, (_, i) => new Promise((resolve) => {
    const bytes = `${GET}Content-Length: 19\r\n\r\n{"orderId":"later"}`;
    const socket = connect(system.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.on('connect', () => socket.write(bytes.slice(0, 1 + (i * 7) % bytes.length), () => socket.resetAndDestroy()));
  })));
  assert.ok(await fine());
  await until(async () => /requests_busy 0\n/.test(await (await once(`${system.operations}/metrics`)).text()));
});
