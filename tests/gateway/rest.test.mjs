// The contracts as plain HTTP and JSON, with nothing but fetch.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { raw, startGateway } from './gateway.mjs';

let system;
before(async () => { system = await startGateway(); });
after(() => system.stop());

const call = (verb, path, { body, headers = {} } = {}) => fetch(system.url + path, {
  method: verb, headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
  body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body) });
const refused = async (response, status, reason, field) => {
  assert.equal(response.status, status);
  const { error } = await response.json();
  assert.equal(error.code, status);
  const info = error.details.find((detail) => detail['@type'].endsWith('ErrorInfo'));
  assert.deepEqual([info.reason, info.domain], [reason, 'shop.orders']);
  if (field !== undefined) {
    assert.equal(error.details.find((detail) => detail['@type'].endsWith('BadRequest')).fieldViolations[0].field, field);
  }
  return error;
};

test('path, query and body become the request', async () => {
  const order = await (await call('GET', '/v1/orders/o-1')).json();
  assert.equal(order.orderId, 'o-1');
  assert.equal(order.totalMinor, '0', 'fields at their default are there, 64-bit ones as strings');
  assert.deepEqual(order.lines, []);
  assert.equal((await (await call('GET', '/v1/products/a%2Fb%3A%C3%BC')).json()).productId, 'a/b:ü');
  const made = await (await call('POST', '/v1/orders', { body: { customerId: 'c', orderRef: 'ref', placedTime: '2026-01-01T00:00:00.5Z', lines: [{ productId: 'p', quantity: 1 }] } })).json();
  assert.deepEqual([made.customerId, made.orderRef, made.placedTime], ['c', 'ref', '2026-01-01T00:00:00.500Z']);
  const adjusted = await (await call('POST', '/v1/products/chai/stock:adjust', { body: { delta: '-9007199254740993', reason: 'count' } })).json();
  assert.deepEqual([adjusted.productId, adjusted.delta], ['chai', '-9007199254740993']);
  assert.equal((await call('GET', '/v1/orders?customerId=c&pageSize=3')).status, 200);
  assert.equal((await call('GET', '/v1/orders?customer_id=c&page_token=')).status, 200);
  assert.equal((await call('GET', '/v1/products:batchGet?productIds=a&productIds=b')).status, 200);
  assert.equal((await call('HEAD', '/v1/orders/o-1')).status, 200);
});

test('what is not in the contract is refused with its path', async () => {
  await refused(await call('GET', '/v1/orders?customer=c'), 400, 'UNKNOWN_FIELD', 'customer');
  await refused(await call('GET', '/v1/orders?pageSize=many'), 400, 'BAD_VALUE', 'pageSize');
  await refused(await call('GET', '/v1/orders?pageSize=1&pageSize=2'), 400, 'DUPLICATE_FIELD', 'pageSize');
  await refused(await call('GET', '/v1/orders?pageSize=%zz'), 400, 'MALFORMED_URL');
  await refused(await call('GET', '/v1/orders/%zz'), 400, 'MALFORMED_URL');
  await refused(await call('GET', '/v1/orders/a%00b'), 400, 'INVALID_TEXT', 'order_id');
  await refused(await call('GET', '/v1/orders/%ff'), 400, 'INVALID_TEXT', 'order_id');
  await refused(await call('GET', '/v1/orders/a?orderId=b'), 400, 'DUPLICATE_FIELD', 'orderId');
  await refused(await call('POST', '/v1/orders', { body: { lines: [{}, { amount: 1 }] } }), 400, 'UNKNOWN_FIELD', 'lines[1].amount');
  await refused(await call('POST', '/v1/orders', { body: '{' }), 400, 'MALFORMED_JSON');
  await refused(await call('POST', '/v1/orders?orderRef=a', { body: {} }), 400, 'UNKNOWN_FIELD');
  await refused(await call('POST', '/v1/products/a/stock:adjust', { body: { productId: 'b' } }), 400, 'DUPLICATE_FIELD', 'product_id');
  await refused(await call('POST', '/v1/orders', { body: 'a=b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }), 415, 'UNKNOWN_CONTENT_TYPE');
});

test('compressed bodies: what is understood instead is said', async () => {
  for (const encoding of ['gzip', 'deflate, gzip', 'br']) {
    const response = await call('POST', '/v1/orders', { body: {}, headers: { 'Content-Encoding': encoding } });
    assert.equal(response.headers.get('accept-encoding'), 'identity');
    await refused(response, 415, 'UNKNOWN_ENCODING');
  }
  assert.equal((await call('POST', '/v1/orders', { body: {}, headers: { 'Content-Encoding': 'Identity' } })).status, 200);
});

test('paths and verbs that lead nowhere', async () => {
  for (const path of ['/', '/v1', '/v1/order', '/v1/orders/', '/v1/orders/a/b', '/v2/orders', '/favicon.ico']) {
    await refused(await call('GET', path), 404, 'UNKNOWN_PATH');
  }
  const response = await call('DELETE', '/v1/orders');
  assert.equal(response.headers.get('allow'), 'POST, GET, HEAD');
  await refused(response, 405, 'WRONG_VERB');
});

test('errors of the server', async () => {
  const response = await call('GET', '/v1/orders/refused');
  assert.equal(response.headers.get('retry-after'), '2');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(response.headers.get('x-call-id'), /^[0-9a-f-]{36}$/);
  const error = await refused(response, 400, 'OUT_OF_STOCK', 'lines[1].quantity');
  assert.equal(error.status, 'FAILED_PRECONDITION');
  assert.deepEqual(error.details, [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'OUT_OF_STOCK', domain: 'shop.orders', metadata: { product_id: 'chai', available: '3' } },
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: 'lines[1].quantity', description: 'there is no ü of "it"' }] },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.500s' }]);
  await refused(await call('GET', '/v1/products/gone'), 404, 'NOT_HERE');
  assert.equal((await call('GET', '/v1/orders?bogus=1')).headers.get('x-call-id'), null, 'it was no call');
});

test('Idempotency-Key is the request_id', async () => {
  // The mirror refuses by any *_id, so a key of "gone" shows that it arrived.
  const keyed = (key, body = {}) => call('POST', '/v1/orders', { body, headers: { 'Idempotency-Key': key } });
  assert.equal((await keyed('gone')).status, 404);
  assert.equal((await keyed('"gone"')).status, 404);
  assert.equal((await keyed('k-1', { requestId: 'k-1' })).status, 200);
  await refused(await keyed('k-1', { requestId: 'k-2' }), 400, 'DUPLICATE_FIELD', 'request_id');
  await refused(await keyed('""'), 400, 'BAD_VALUE', 'request_id');
});

test('ETag, If-None-Match, If-Match, Cache-Control', async () => {
  const order = await call('GET', '/v1/orders/tagged');
  assert.deepEqual([order.headers.get('etag'), order.headers.get('cache-control')], ['"7"', 'private, no-cache']);
  assert.equal((await call('GET', '/v1/orders/tagged', { headers: { 'If-None-Match': '"6", "7"' } })).status, 304);
  assert.equal((await call('GET', '/v1/orders/tagged', { headers: { 'If-None-Match': '"17"' } })).status, 200);
  assert.equal((await call('GET', '/v1/orders')).headers.get('cache-control'), 'no-store');
  const product = await call('GET', '/v1/products/tagged');
  assert.deepEqual([product.headers.get('etag'), product.headers.get('cache-control')], ['"7"', 'public, max-age=5']);
  assert.equal((await call('GET', '/v1/products/p/stock')).headers.get('cache-control'), 'no-store');
  await refused(await call('POST', '/v1/orders', { body: {}, headers: { 'If-Match': '"7"' } }), 400, 'IF_MATCH_UNSUPPORTED');
  assert.equal((await call('POST', '/v1/orders', { body: {}, headers: { 'If-Match': '*' } })).status, 200);
});

test('PATCH: what the body names is what is changed', async () => {
  const patch = (body, { query = '', headers } = {}) => call('PATCH', `/v1/products/chai${query}`, { body, headers });
  const changed = async (...args) => (await (await patch(...args)).json()).etag; // the mirror's: paths|etag
  const product = await (await patch({ displayName: 'n', unit_price_minor: '5' })).json();
  assert.deepEqual([product.productId, product.displayName, product.unitPriceMinor, product.etag],
    ['chai', 'n', '5', 'display_name,unit_price_minor|']);
  assert.equal(await changed({ maxPerOrder: 0, limitWindow: '60s', saleEndTime: null }), 'max_per_order,limit_window,sale_end_time|', 'defaults and nulls are named');
  assert.equal(await changed({ displayName: 'n', etag: '7' }), 'display_name|7', 'the etag is no change');
  assert.equal(await changed({ displayName: 'n' }, { headers: { 'If-Match': '"7"' } }), 'display_name|7');
  assert.equal(await changed({ displayName: 'n', currency: 'EUR' }, { query: '?updateMask=currency' }), 'currency|');
  for (const body of [{}, { etag: '7' }]) await refused(await patch(body), 400, 'BAD_VALUE', 'update_mask');
  await refused(await patch(undefined), 400, 'BAD_VALUE', 'update_mask');
  await refused(await patch({ displayName: 'n' }, { query: '?updateMask=' }), 400, 'BAD_VALUE', 'update_mask');
  await refused(await patch({ displayNam: 'n' }), 400, 'UNKNOWN_FIELD', 'displayNam');
  await refused(await patch({ displayName: 'n' }, { query: '?product.currency=EUR' }), 400, 'UNKNOWN_FIELD');
  await refused(await patch({ productId: 'other', displayName: 'n' }), 400, 'DUPLICATE_FIELD');
});

test('DELETE: no body, the etag by header', async () => {
  assert.equal((await call('DELETE', '/v1/products/chai', { headers: { 'If-Match': '"7"' } })).status, 200);
  await refused(await call('DELETE', '/v1/products/chai', { body: { etag: '7' } }), 400, 'UNEXPECTED_BODY');
  await refused(await call('DELETE', '/v1/products/chai?etag=7', { headers: { 'If-Match': '"8"' } }), 400, 'DUPLICATE_FIELD');
});

test('If-Match: any, a list, weak etags', async () => {
  // The mirror's "versioned" has the etag 7.
  const remove = (match, path = '/v1/products/versioned') => call('DELETE', path, { headers: { 'If-Match': match } });
  for (const match of ['*', '"7"', '"6", "7"', '"6","5" ,"7","4"', ', "6",, "7" ,', 'W/"6", "7"', '"a,b", "7"', '"\u00e9", "7"']) {
    assert.equal((await remove(match)).status, 200, match);
  }
  for (const match of ['"8"', '"6", "8"', 'W/"7"', 'W/"7", "8"', 'W/"6", W/"7"', '""', '"", "8"']) {
    const response = await remove(match);
    assert.equal(response.headers.get('retry-after'), null, 'the same again would be refused again');
    await refused(response, 412, 'ETAG_MISMATCH');
  }
  for (const match of ['7', '"7', '7"', '"7" "6"', '*, "7"', '"7", *', ',', 'w/"7"', 'W/7', '"a b"', Array(17).fill('"7"').join()]) {
    await refused(await remove(match), 400, 'IF_MATCH_MALFORMED');
  }
  assert.equal((await remove(Array(16).fill('"7"').join())).status, 200);
  const patch = (match) => call('PATCH', '/v1/products/versioned', { body: { displayName: 'n' }, headers: { 'If-Match': match } });
  assert.equal((await (await patch('"5", "7"')).json()).etag, 'display_name|7');
  await refused(await patch('"5", "6"'), 412, 'ETAG_MISMATCH');
  await refused(await call('DELETE', '/v1/products/versioned?etag=8'), 409, 'ETAG_MISMATCH'); // no condition of HTTP's
  const lines = await raw(system.port, 'DELETE /v1/products/versioned HTTP/1.1\r\nHost: x\r\nIf-Match: "6"\r\nIf-Match: "7"\r\nConnection: close\r\n\r\n');
  assert.match(lines.text, /^HTTP\/1.1 200 /, 'two lines are one list');
});
