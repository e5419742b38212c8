// connect-es against order-gateway: what a generated client does must work unchanged.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { registry, services, startGateway } from './gateway.mjs';

const [orders, products] = ['shop.v1.OrderService', 'shop.v1.ProductService'].map((name) => registry.getService(name));
let system;
before(async () => { system = await startGateway(); });
after(() => system.stop());

const transport = (options = {}) =>
  createConnectTransport({ baseUrl: system.url, httpVersion: '1.1', ...options });
const post = (path, body, headers = {}) =>
  fetch(`${system.url}${path}`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });
const ORDER = { requestId: 'r-1', customerId: 'c-1', orderRef: 'ü', lines: [{ productId: 'chai', quantity: 2 }] };

for (const useBinaryFormat of [false, true]) {
  for (const useHttpGet of [false, true]) {
    test(`every method, ${useBinaryFormat ? 'proto' : 'json'}, ${useHttpGet ? 'GET' : 'POST'}`, async () => {
      for (const service of services) {
        const client = createClient(service, transport({ useBinaryFormat, useHttpGet }));
        for (const method of service.methods) {
          // Each field that both have comes back; strings are enough to see that it went through.
          const request = create(method.input);
          const shared = method.input.fields.filter((field) => field.fieldKind === 'scalar' && field.scalar === 9
            && method.output.fields.some((other) => other.name === field.name && other.fieldKind === 'scalar'));
          shared.forEach((field, i) => { request[field.localName] = `v-${i}`; });
          const response = await client[method.localName](request);
          assert.equal(response.$typeName, method.output.typeName);
          shared.forEach((field, i) => assert.equal(response[field.localName], `v-${i}`, `${method.name} ${field.name}`));
        }
      }
    });
  }
}

test('an empty request_id is made, a given one kept', async () => {
  const client = createClient(products, transport());
  const made = await client.adjustStock({ productId: 'chai', delta: 5n, reason: 'delivery' });
  assert.equal(made.delta, 5n);
});

test('errors carry code, message and details', async () => {
  for (const useBinaryFormat of [false, true]) {
    const client = createClient(orders, transport({ useBinaryFormat }));
    const error = await client.createOrder({ ...ORDER, customerId: 'refused' }).then(
      () => assert.fail('it was taken'), (reason) => ConnectError.from(reason));
    assert.equal(error.code, Code.FailedPrecondition);
    assert.equal(error.rawMessage, 'there is no ü of "it"');
    const [info] = error.findDetails(registry.getMessage('google.rpc.ErrorInfo'));
    assert.deepEqual([info.reason, info.domain, info.metadata],
      ['OUT_OF_STOCK', 'shop.orders', { product_id: 'chai', available: '3' }]);
    const [bad] = error.findDetails(registry.getMessage('google.rpc.BadRequest'));
    assert.equal(bad.fieldViolations[0].field, 'lines[1].quantity');
    const [retry] = error.findDetails(registry.getMessage('google.rpc.RetryInfo'));
    assert.equal(retry.retryDelay.nanos, 500000000);
    assert.equal(error.metadata.get('Retry-After'), '2');
    const gone = await client.getOrder({ orderId: 'gone' }).catch((reason) => ConnectError.from(reason));
    assert.equal(gone.code, Code.NotFound);
  }
});

test('debug of a detail is its JSON', async () => {
  const response = await post('/shop.v1.OrderService/GetOrder', '{"orderId":"refused"}');
  assert.equal(response.status, 400);
  assert.equal(response.headers.get('content-type'), 'application/json');
  const { code, details } = await response.json();
  assert.equal(code, 'failed_precondition');
  assert.deepEqual(details.map((detail) => detail.type), ['google.rpc.ErrorInfo', 'google.rpc.BadRequest', 'google.rpc.RetryInfo']);
  for (const { type, value, debug } of details) {
    assert.doesNotMatch(value, /=/);
    const desc = registry.getMessage(type);
    const { '@type': _, ...rest } = debug;
    assert.deepEqual(rest, toJson(desc, fromBinary(desc, Buffer.from(value, 'base64'))));
  }
});

test('deadlines: the client\'s, the header\'s, and none that make sense', async () => {
  const client = createClient(orders, transport());
  const started = Date.now();
  await assert.rejects(client.getOrder({ orderId: 'slow' }, { timeoutMs: 300 }),
    (error) => error.code === Code.DeadlineExceeded);
  assert.ok(Date.now() - started < 30000); // the gateway's own
  const late = await post('/shop.v1.OrderService/GetOrder', '{"orderId":"slow"}', { 'Connect-Timeout-Ms': '100' });
  assert.equal(late.status, 504);
  assert.equal((await late.json()).code, 'deadline_exceeded');
  for (const bad of ['0', '-1', '1.5', 'soon', '12345678901', '']) {
    const response = await post('/shop.v1.OrderService/GetOrder', '{}', { 'Connect-Timeout-Ms': bad });
    assert.equal(response.status, 400, bad);
    assert.equal((await response.json()).code, 'invalid_argument');
  }
  assert.equal((await post('/shop.v1.OrderService/GetOrder', '{}', { 'Connect-Timeout-Ms': '9999999999' })).status, 200);
});

test('JSON: unknown fields are ignored, malformed ones refused with their path', async () => {
  const newer = await post('/shop.v1.OrderService/GetOrder', '{"orderId":"o","fromTheFuture":{"a":[1]}}');
  assert.deepEqual(await newer.json(), { orderId: 'o' });
  const bad = await post('/shop.v1.OrderService/CreateOrder', '{"lines":[{},{"quantity":"many"}]}');
  assert.equal(bad.status, 400);
  const { code, message } = await bad.json();
  assert.equal(code, 'invalid_argument');
  assert.match(message, /lines\[1\]\.quantity/);
  for (const body of ['', '{', '[]', '{"orderId":"\\ud800"}', '{"orderId":"a\\u0000"}']) {
    assert.equal((await post('/shop.v1.OrderService/GetOrder', body)).status, 400, body);
  }
  const proto = { 'Content-Type': 'application/proto' };
  assert.equal((await post('/shop.v1.OrderService/GetOrder', Buffer.from([0x0a, 0x05, 0x61]), proto)).status, 400);
  assert.equal((await post('/shop.v1.OrderService/GetOrder', Buffer.from([0x0a, 0x01, 0xff]), proto)).status, 400);
});

test('what the protocol says of other verbs, types, encodings and paths', async () => {
  const get = '/shop.v1.OrderService/GetOrder';
  assert.equal((await post('/shop.v1.OrderService/NoSuch', '{}')).status, 404);
  assert.equal((await post('/shop.v1.orderservice/GetOrder', '{}')).status, 404);
  assert.equal((await post(`${get}/`, '{}')).status, 404);
  const put = await fetch(system.url + get, { method: 'PUT', body: '{}' });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST']);
  const write = await fetch(`${system.url}/shop.v1.OrderService/CreateOrder?encoding=json&message=%7B%7D`);
  assert.deepEqual([write.status, write.headers.get('allow')], [405, 'POST']);
  for (const type of ['text/plain', 'application/json5', 'application/grpc', 'application/x-protobuf']) {
    assert.equal((await post(get, '{}', { 'Content-Type': type })).status, 415, type);
  }
  assert.equal((await post(get, '{}', { 'Content-Type': 'application/json; charset=utf-8' })).status, 200);
  const zipped = await post(get, '{}', { 'Content-Encoding': 'gzip' });
  assert.deepEqual([zipped.status, (await zipped.json()).code], [501, 'unimplemented']);
  assert.equal((await post(get, '{}', { 'Connect-Protocol-Version': '1' })).status, 200);
  assert.equal((await post(get, '{}', { 'Connect-Protocol-Version': '2' })).status, 400);
});

test('GET: any order, unknown parameters, base64 of both kinds', async () => {
  const ask = async (query) => fetch(`${system.url}/shop.v1.OrderService/GetOrder?${query}`);
  const json = encodeURIComponent('{"orderId":"o+ü"}');
  assert.deepEqual(await (await ask(`message=${json}&x=y&encoding=json&connect=v1`)).json(), { orderId: 'o+ü' });
  const desc = registry.getMessage('shop.v1.GetOrderRequest');
  const bytes = Buffer.from(toBinary(desc, create(desc, { orderId: 'o>>?' })));
  for (const value of [bytes.toString('base64url'), encodeURIComponent(bytes.toString('base64'))]) {
    const response = await ask(`encoding=proto&base64=1&message=${value}`);
    assert.equal(response.headers.get('content-type'), 'application/proto');
    const order = fromBinary(registry.getMessage('shop.v1.Order'), Buffer.from(await response.arrayBuffer()));
    assert.equal(order.orderId, 'o>>?');
  }
  assert.equal((await ask('encoding=json')).status, 400);
  assert.equal((await ask('message=%7B%7D')).status, 415);
  assert.equal((await ask('encoding=json&message=%zz')).status, 400);
  assert.equal((await ask('encoding=json&base64=1&message=*')).status, 400);
  assert.equal((await ask('encoding=json&message=%7B%7D&connect=v2')).status, 400);
  assert.equal((await ask('encoding=json&message=%7B%7D&compression=gzip')).status, 501);
});

test('HEAD: what GET would say, without its body', async () => {
  const url = `${system.url}/shop.v1.OrderService/GetOrder?connect=v1&encoding=json&message=${encodeURIComponent('{"orderId":"o"}')}`;
  const got = await fetch(url);
  const head = await fetch(url, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  for (const name of ['content-type', 'content-length', 'cache-control']) assert.equal(head.headers.get(name), got.headers.get(name), name);
  const write = await fetch(`${system.url}/shop.v1.OrderService/CreateOrder?encoding=json&message=%7B%7D`, { method: 'HEAD' });
  assert.deepEqual([write.status, write.headers.get('allow')], [405, 'POST']);
});

test('GET: kept as long as the contract says; POST is not', async () => {
  const get = (method) => fetch(`${system.url}/shop.v1.ProductService/${method}?encoding=json&message=%7B%7D`);
  const kept = (response) => response.headers.get('cache-control');
  assert.equal(kept(await get('GetProduct')), 'public, max-age=5');
  assert.equal(kept(await get('GetStock')), 'no-store');
  assert.equal(kept(await post('/shop.v1.ProductService/GetProduct', '{}')), 'no-store');
});

test('1,000 calls at once', async () => {
  const client = createClient(orders, transport({ useBinaryFormat: true, defaultTimeoutMs: 100000 }));
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.createOrder({ ...ORDER, customerId: `c-${i}` })));
  answers.forEach((order, i) => assert.equal(order.customerId, `c-${i}`));
});

test('buf curl', async () => {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const { stdout } = await promisify(execFile)(`${here}/node_modules/.bin/buf`, ['curl',
    '--schema', process.env.ORDER_CONTRACTS, '--reflect=false', '--data', '{"orderId":"o-1"}',
    `${system.url}/shop.v1.OrderService/GetOrder`], { env: { ...process.env, BUF_CACHE_DIR: `${process.cwd()}/.buf-cache` } });
  assert.deepEqual(JSON.parse(stdout), { orderId: 'o-1' });
});
