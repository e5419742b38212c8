// The description of the REST interface: all of it is there, tools take it, its limits are the ones in force, and the
// pages that show it need no other host.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getOption, hasOption } from '@bufbuild/protobuf';
import { registry, services, startGateway } from './gateway.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const run = promisify(execFile);
let system, api;
before(async () => {
  system = await startGateway();
  const response = await fetch(`${system.url}/openapi.json`);
  assert.equal(response.headers.get('content-type'), 'application/json');
  api = await response.json();
});
after(() => system.stop());

const schema = (name) => api.components.schemas[name];
const operations = () => Object.entries(api.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([verb, operation]) => ({ path, verb, operation })));

test('redocly finds nothing to say', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'order-openapi-'));
  writeFileSync(join(folder, 'openapi.json'), JSON.stringify(api));
  writeFileSync(join(folder, 'redocly.yaml'), 'extends: [recommended-strict]\ntelemetry: off\n');
  const { stdout, stderr } = await run(`${here}/node_modules/.bin/redocly`, ['lint', '--format=json', 'openapi.json'],
    { cwd: folder, env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } })
    .catch((error) => error);
  rmSync(folder, { recursive: true });
  const { totals, problems } = JSON.parse(stdout.slice(stdout.indexOf('{')) || `{"problems":${JSON.stringify(stderr)}}`);
  assert.deepEqual(totals, { errors: 0, warnings: 0, ignored: 0 }, JSON.stringify(problems, null, 1));
});

test('every binding of the contracts is an operation, the two streams are, and nothing else is', () => {
  const http = registry.getExtension('google.api.http');
  const wanted = services.flatMap((service) => service.methods.filter((method) => hasOption(method, http)).map((method) => {
    const { pattern } = getOption(method, http);
    return `${pattern.case} ${pattern.value.replaceAll(/\{[a-z_]+\./g, '{')} ${method.name}`;
  }));
  wanted.push('get /v1/events FollowEvents', 'get /v1/orders/{order_id}:watch WatchOrder');
  assert.deepEqual(operations().map(({ path, verb, operation }) => `${verb} ${path} ${operation.operationId}`).sort(), wanted.sort());
});

test('what is described is what the gateway takes', async () => {
  for (const { path, verb, operation } of operations()) {
    const stream = operation.responses['200'].$ref?.endsWith('/Stream') ? new AbortController() : undefined;
    const response = await fetch(system.url + path.replaceAll(/\{[a-z_]+\}/g, 'o-1'), {
      method: verb.toUpperCase(), signal: stream?.signal, ...(operation.requestBody ? { body: '{}', headers: { 'Content-Type': 'application/json' } } : {}) });
    if (stream !== undefined) {
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream'], path);
      stream.abort();
      continue;
    }
    const text = await response.text();
    assert.ok(response.status === 200 || (verb === 'patch' && text.includes('update_mask')), `${verb} ${path}: ${text}`);
    if (response.status !== 200) continue;
    const { $ref } = operation.responses['200'].content['application/json'].schema;
    const { properties } = schema($ref.split('/').pop());
    for (const name of Object.keys(JSON.parse(text))) assert.ok(name in properties, `${$ref} has no ${name}`);
  }
});

test('comments are descriptions, limits of the contracts are those of the code', () => {
  const limits = Object.fromEntries([...readFileSync(`${here}/../../src/shop/limits.h`, 'utf8').replaceAll('\\\n', ' ')
    .matchAll(/#define (SHOP_\w+)\s+(\d+)/g)].map(([, name, value]) => [name, Number(value)]));
  const { lines, customerId, requestId, hold, confirm } = schema('CreateOrderRequest').properties;
  assert.deepEqual([lines.minItems, lines.maxItems], [1, limits.SHOP_ORDER_LINES_MAX]);
  for (const id of [customerId, requestId, schema('Product').properties.productId]) {
    assert.deepEqual([id.minLength, id.maxLength, id.pattern], [1, limits.SHOP_ID_BYTES_MAX, '^[A-Za-z0-9._:-]*$']);
  }
  const { quantity, unitPriceMinor } = schema('CreateOrderLine').properties;
  assert.deepEqual([quantity.minimum, quantity.maximum], [1, limits.SHOP_QUANTITY_MAX]);
  assert.deepEqual([unitPriceMinor.type, unitPriceMinor['x-maximum']], ['string', limits.SHOP_PRICE_MINOR_MAX]);
  assert.match(`${limits.SHOP_PRICE_MINOR_MAX}`, new RegExp(unitPriceMinor.pattern));
  assert.equal(schema('Product').properties.displayName.maxLength, limits.SHOP_NAME_BYTES_MAX);
  assert.equal(schema('Order').properties.paymentReference.maxLength, limits.SHOP_PAYMENT_BYTES_MAX);
  assert.equal(schema('Product').properties.createTime.readOnly, true);
  assert.match(hold.pattern, /s\$$/);
  assert.match(confirm.description, /Without either/);
  assert.deepEqual(schema('CreateOrderRequest').allOf, [{ not: { properties: { hold: {}, confirm: {} }, required: ['hold', 'confirm'] } }]);
  assert.match(api.paths['/v1/orders'].post.description, /Sets all lines aside together or none/);
  assert.match(schema('Order.State').description, /STATE_PENDING: Its units are held/);
  const list = api.paths['/v1/orders'].get.parameters.find((parameter) => parameter.name === 'pageSize');
  assert.deepEqual([list.in, list.schema.minimum, list.schema.maximum], ['query', 0, undefined]);
  assert.deepEqual(api.paths['/v1/products:batchGet'].get.parameters[0].schema.maxItems, 1000);
  assert.ok(api.paths['/v1/orders'].post.parameters.some(({ name }) => name === 'Idempotency-Key'));
  assert.deepEqual(api.paths['/v1/orders'].post.security, [{ bearer: ['order.write'] }, { apiKey: ['order.write'] }]);
});

test('the pages: from here alone, for everyone, kept by whoever has them', async () => {
  for (const path of ['/docs', '/docs/docs.js', '/docs/docs.css']) {
    const response = await fetch(system.url + path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-security-policy'), /default-src 'none'/);
    const text = await response.text();
    assert.doesNotMatch(text, /https?:\/\/|url\(|@import|innerHTML|\son\w+=|<style|style="/, path);
    const etag = response.headers.get('etag');
    const again = await fetch(system.url + path, { headers: { 'If-None-Match': etag } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
    assert.equal((await fetch(system.url + path, { method: 'POST' })).status, 405);
    assert.equal((await fetch(system.url + path, { method: 'HEAD' })).status, 200);
  }
  assert.equal((await fetch(`${system.url}/docs/../keys`)).status, 404);
});

test('the page shows every operation, in a browser', async () => {
  const chromium = process.env.ORDER_CHROMIUM ?? 'chromium';
  const profile = mkdtempSync(join(tmpdir(), 'order-docs-'));
  const { stdout } = await run(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${profile}`,
    '--virtual-time-budget=10000', '--dump-dom', `${system.url}/docs`], { maxBuffer: 64 * 1024 * 1024, timeout: 300000 });
  rmSync(profile, { recursive: true, force: true });
  for (const { operation } of operations()) assert.ok(stdout.includes(`id="operation-${operation.operationId}"`), operation.operationId);
  for (const name of Object.keys(api.components.schemas)) assert.ok(stdout.includes(`id="schema-${name}"`), name);
  assert.doesNotMatch(stdout, /undefined|\[object/);
});
