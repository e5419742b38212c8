// order-gateway against peers that mean harm or do not know better: always a 4xx or a clean close, never
// a crash, and others unharmed. HARDENING_SEED=n repeats a run.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { raw, startGateway, until } from './gateway.mjs';

const SEED = Number(process.env.HARDENING_SEED ?? 20260131);
const REQUESTS = Number(process.env.HARDENING_REQUESTS ?? 5000);
const GET = 'POST /shop.v1.OrderService/GetOrder HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
let system;
before(async () => {
  system = await startGateway({ ORDER_GATEWAY_IDLE_MS: '700', ORDER_GATEWAY_TRANSFER_MS: '700', ORDER_GATEWAY_BODY_BYTES: '65536' });
});
after(() => system.stop());

const fine = async () => {
  const response = await fetch(`${system.url}/shop.v1.OrderService/GetOrder`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"orderId":"o"}' });
  return response.status === 200;
};

const AMBIGUOUS = {
  'Content-Length and chunks': `${GET}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks and Content-Length': `${GET}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`,
  'two Content-Lengths': `${GET}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  'two Content-Lengths that differ': `${GET}Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}`,
  'a list of Content-Lengths': `${GET}Content-Length: 2, 2\r\n\r\n{}`,
  'a signed Content-Length': `${GET}Content-Length: +2\r\n\r\n{}`,
  'a negative Content-Length': `${GET}Content-Length: -2\r\n\r\n{}`,
  'a huge Content-Length': `${GET}Content-Length: 99999999999999999999999\r\n\r\n{}`,
  'a hexadecimal Content-Length': `${GET}Content-Length: 0x2\r\n\r\n{}`,
  'two Transfer-Encodings': `${GET}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'gzip, chunked': `${GET}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunked, identity': `${GET}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'an unknown Transfer-Encoding': `${GET}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': `${GET.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a chunk without a size': `${GET}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
  'a chunk that overflows': `${GET}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`,
  'an empty header name': `${GET}: x\r\n\r\n`,
  'a space before the colon': `${GET}Content-Length : 2\r\n\r\n{}`,
  'a name that is no token': `${GET}A(b: c\r\n\r\n`,
  'a folded header': `${GET}A: b\r\n c\r\n\r\n`,
  'a bare LF': `${GET.replaceAll('\r\n', '\n')}\n`,
  'a bare CR': `${GET}A: b\rc\r\n\r\n`,
  'a NUL in a value': `${GET}A: b\0c\r\n\r\n`,
  'a control character in a value': `${GET}A: b\x01c\r\n\r\n`,
  'two Hosts': `${GET}Host: b\r\n\r\n`,
  'no Host': 'GET /shop.v1.OrderService/GetOrder HTTP/1.1\r\n\r\n',
  'an absolute target': 'GET http://b/shop.v1.OrderService/GetOrder HTTP/1.1\r\nHost: a\r\n\r\n',
  'a target without a slash': 'GET shop.v1.OrderService/GetOrder HTTP/1.1\r\nHost: a\r\n\r\n',
  'a space in the target': 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n',
  'a byte above ASCII in the target': 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n',
  'an unknown version': 'GET / HTTP/9.9\r\nHost: a\r\n\r\n',
  'no version': 'GET /\r\n\r\n',
  'a verb that is no token': 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n',
  'TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'two Authorizations': `${GET}Authorization: a\r\nAuthorization: b\r\n\r\n`,
  'two Content-Types': `${GET}Content-Type: application/proto\r\n\r\n`,
};

for (const [name, bytes] of Object.entries(AMBIGUOUS)) {
  test(`${name}: refused, and nothing behind it is heard`, async () => {
    const { text, closed } = await raw(system.port, Buffer.from(`${bytes}GET /second HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'), { ms: 1500 });
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
function dribble(bytes) {
  return new Promise((resolve) => {
    const started = Date.now();
    const socket = connect(system.port, '127.0.0.1');
    let i = 0;
    const timer = setInterval(() => { if (i < bytes.length) socket.write(bytes[i++]); }, 100);
    const done = () => { clearInterval(timer); resolve(Date.now() - started); };
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', done);
  });
}

test('slow headers, slow bodies, silence: cut off, others served meanwhile', async () => {
  const slow = [dribble(`${GET}A: ${'x'.repeat(1000)}\r\n\r\n`), dribble('GET /'.padEnd(1000, 'x')), dribble('')];
  const body = connect(system.port, '127.0.0.1');
  slow.push(new Promise((resolve) => {
    const started = Date.now();
    body.write(`${GET}Content-Length: 1000\r\n\r\n`);
    const timer = setInterval(() => body.write('x'), 100);
    body.on('error', () => {});
    body.on('close', () => { clearInterval(timer); resolve(Date.now() - started); });
  }));
  assert.ok(await fine());
  for (const ms of await Promise.all(slow)) assert.ok(ms < 5000, `${ms} ms`);
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
  await until(async () => /requests_busy 0\n/.test(await (await fetch(`${system.operations}/metrics`)).text()));
});

test(`${REQUESTS} random and malformed requests`, async () => {
  let state = SEED;
  const next = () => { // xorshift32
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
  const pick = (list) => list[Math.floor(next() * list.length)];
  const seeds = [...Object.values(AMBIGUOUS), `${GET}Content-Length: 15\r\n\r\n{"orderId":"o"}`,
    `${GET}Transfer-Encoding: chunked\r\n\r\nf\r\n{"orderId":"o"}\r\n0\r\n\r\n`,
    'GET /shop.v1.OrderService/GetOrder?encoding=json&message=%7B%7D HTTP/1.1\r\nHost: a\r\n\r\n'];
  const mutate = (text) => {
    const bytes = Buffer.from(text, 'latin1');
    const parts = [];
    for (let i = 0; i < 1 + next() * 4; i++) {
      const at = Math.floor(next() * bytes.length);
      const kind = next();
      if (kind < 0.5) bytes[at] = Math.floor(next() * 256);
      else if (kind < 0.7) return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(seeds), 'latin1')]);
      else if (kind < 0.85) return bytes.subarray(0, at);
      else parts.push(bytes.subarray(at));
    }
    return Buffer.concat([bytes, ...parts]);
  };
  let sent = 0;
  const worker = async () => {
    while (sent < REQUESTS) {
      sent++;
      const { text } = await raw(system.port, mutate(pick(seeds)), { ms: 2000, end: true });
      for (const [, code] of text.matchAll(/HTTP\/1\.[01] (\d+)/g)) {
        assert.ok(['100', '200', '501', '505'].includes(code) || code[0] === '4', `HARDENING_SEED=${SEED}: ${text}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  assert.ok(await fine());
});
