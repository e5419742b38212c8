// 100,000 random and malformed requests, each on a connection of its own: always a 4xx or a clean close, never a crash
// or a leak (under ASan the gateway's exit code says so), and others are served all the time.
// RANDOM_SEED=n repeats a run. RANDOM_REQUESTS comes from ctest: all of them where sanitizers watch, fewer elsewhere.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { raw, startGateway, until } from './gateway.mjs';
import { AMBIGUOUS, GET } from './malformed.mjs';

const SEED = Number(process.env.RANDOM_SEED ?? 20261125);
const REQUESTS = Number(process.env.RANDOM_REQUESTS);
const AT_ONCE = 64;
// One in ten waits for the gateway's patience to end: so many may, besides those, who have waited a while.
const WAITING_MAX = 512;
const A_WHILE_MS = 200;
// What is answered to a request that came out well after all, and what a 4xx does not say: 501 an encoding that is not
// known, 505 a version of HTTP.
const EXPECTED = /^(100|200|304|4\d\d|501|505)$/;

let state = SEED;
const next = () => { // xorshift32
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) / 4294967296;
};
const below = (n) => Math.floor(next() * n);
const pick = (list) => list[below(list.length)];
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => below(256)));

const PATHS = ['/', '/v1/orders', '/v1/orders/o-1', '/v1/orders/%2F%3A', '/v1/products/p/stock:adjust', '/v1/products:batchGet?productIds=a&productIds=b',
  '/shop.v1.OrderService/CreateOrder', '/shop.v1.ProductService/GetStock', '/shop.v1.No/Such', '/openapi.json', '/docs', '/v1/../../etc/passwd', '*', 'http://b/',
  '/v1/orders?pageSize=99999999999', '/v1/orders/%00', '/v1/orders/%zz', '/shop.v1.OrderService/GetOrder?encoding=proto&base64=1&message=CgNhYmM'];
const HEADERS = ['Content-Type: application/json', 'Content-Type: application/proto', 'Content-Type: text/plain', 'Connect-Protocol-Version: 1',
  'Connect-Timeout-Ms: 9999999999', 'Connect-Timeout-Ms: x', 'Idempotency-Key: "k"', 'If-Match: "1"', 'If-None-Match: *', 'Authorization: Bearer a.b.c', 'X-Api-Key: ok_',
  'Expect: 100-continue', 'Connection: close', 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Encoding: gzip', 'Range: bytes=0-0', 'Cookie: a=b',
  'Origin: null', 'Access-Control-Request-Method: POST', 'X-Forwarded-For: 1.1.1.1, ::1', 'TE: trailers', 'Trailer: A'];
const BODIES = ['', '{}', '{"orderId":"o"}', '{"lines":[{"quantity":1e99}]}', '[[[[[[[[', '{"a":'.repeat(50), '"\\ud800"', '{"orderId":"\u0000"}', '\n\u0003abc'];

function wellFramed() {
  const body = Buffer.concat([Buffer.from(pick(BODIES)), next() < 0.2 ? bytes(below(200)) : Buffer.alloc(0)]);
  const headers = ['Host: a', ...Array.from({ length: below(6) }, () => pick(HEADERS))];
  const framing = next();
  const head = (more) => Buffer.from(`${pick(['GET', 'GET', 'GET', 'POST', 'POST', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'X'])} ${pick(PATHS)} HTTP/1.1\r\n${[...headers, ...more].join('\r\n')}\r\n\r\n`, 'latin1');
  if (framing < 0.2) return head([]);
  if (framing < 0.7) return Buffer.concat([head([`Content-Length: ${body.length}`]), body]);
  return Buffer.concat([head(['Transfer-Encoding: chunked']), Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')].filter((part, i) => body.length > 0 || i !== 1));
}
const CORPUS = [...Object.values(AMBIGUOUS), `${GET}Content-Length: 15\r\n\r\n{"orderId":"o"}`,
  `${GET}Transfer-Encoding: chunked\r\n\r\nf\r\n{"orderId":"o"}\r\n0\r\n\r\n`].map((text) => Buffer.from(text, 'latin1'));
function mutated() {
  let request = Buffer.from(next() < 0.5 ? pick(CORPUS) : wellFramed());
  for (let i = 0; i <= below(4); i++) {
    const at = below(request.length);
    const kind = next();
    if (kind < 0.5) request[at] = below(256);
    else if (kind < 0.65) request = Buffer.concat([request.subarray(0, at), pick(CORPUS)]);
    else if (kind < 0.75) request = request.subarray(0, Math.max(1, at));
    else if (kind < 0.9) request = Buffer.concat([request.subarray(0, at), pick(['\r\n', '\n', '\0', ': ', ' ', '\t', ';', '%']).repeat(1 + below(3)), request.subarray(at)].map((part) => Buffer.from(part)));
    else request = Buffer.concat([request, request.subarray(at)]);
  }
  return request;
}
function make() {
  const kind = next();
  if (kind < 0.3) return wellFramed();
  return kind < 0.9 ? mutated() : bytes(1 + below(300));
}

let system;
before(async () => {
  system = await startGateway({ ORDER_GATEWAY_IDLE_MS: '3000', ORDER_GATEWAY_TRANSFER_MS: '3000', ORDER_GATEWAY_BODY_BYTES: '65536' });
});
after(() => system.stop());

const files = () => readdirSync(`/proc/${system.gateway.child.pid}/fd`).length;
const fine = async () => {
  const response = await fetch(`${system.url}/shop.v1.OrderService/GetOrder`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', Connection: 'close' }, body: '{"orderId":"o"}' });
  return response.status === 200 && (await response.json()).orderId === 'o';
};

test(`${REQUESTS} requests, seed ${SEED}`, async () => {
  const atFirst = files();
  const seen = {};
  let sent = 0, served = 0;
  const send = async (number) => {
    const request = make();
    // Closed by the gateway: at the latest when it sees that no more comes.
    const { text, closed } = await raw(system.port, request, { end: true });
    const where = `RANDOM_SEED=${SEED}, request ${number}: ${JSON.stringify(request.toString('latin1'))}: ${text}`;
    assert.ok(closed, where);
    const codes = [...text.matchAll(/^HTTP\/1\.[01] (\d+)/gm)].map(([, code]) => code);
    assert.ok(codes.every((code) => EXPECTED.test(code)), where);
    const outcome = codes.length === 0 ? 'closed' : codes.at(-1);
    seen[outcome] = (seen[outcome] ?? 0) + 1;
  };
  const waiting = new Set();
  const sendAll = async () => {
    while (sent < REQUESTS) {
      const one = send(sent++);
      const isOver = await Promise.race([one.then(() => true), setTimeout(A_WHILE_MS, false)]);
      if (isOver) continue;
      if (waiting.size >= WAITING_MAX) { await one; continue; }
      waiting.add(one);
      one.then(() => waiting.delete(one), () => {}); // what failed is found at the end
    }
  };
  const serveOthers = async () => {
    while (sent < REQUESTS) {
      await until(fine); // again, where a busy machine let the gateway's patience with it end
      served++;
      await setTimeout(20);
    }
  };
  await Promise.all([...Array.from({ length: AT_ONCE }, sendAll), serveOthers()]);
  await Promise.all(waiting);
  console.log(`seed ${SEED}: ${Object.entries(seen).map(([outcome, count]) => `${outcome}: ${count}`).join(', ')}; ${served} requests of others served`);
  assert.ok(served > 0);
  assert.ok(Object.keys(seen).length > 5, 'the requests are not all refused for the same');
  await until(async () => /requests_busy 0\n/.test(await (await fetch(`${system.operations}/metrics`)).text()));
  await until(async () => files() <= atFirst + 2); // of this test's own fetch, kept open
  assert.equal(system.gateway.child.exitCode, null);
});
