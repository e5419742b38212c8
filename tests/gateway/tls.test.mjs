// TLS by the gateway itself: 1.2 and 1.3, nothing older, and no plain HTTP on the same port.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { raw, startGateway } from './gateway.mjs';

const folder = mkdtempSync(join(tmpdir(), 'order-tls-'));
const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
let system;
before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  system = await startGateway({ ORDER_GATEWAY_TLS_CERTIFICATE: certificate, ORDER_GATEWAY_TLS_KEY: key });
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true });
});

const get = (options) => new Promise((resolve, reject) => {
  const sent = request({ host: '127.0.0.1', servername: 'localhost', port: system.port, path: '/v1/orders/o-1', ca: readFileSync(certificate), agent: false, ...options }, (response) => {
    const protocol = response.socket.getProtocol();
    let text = '';
    response.on('data', (data) => { text += data; });
    response.on('end', () => resolve({ status: response.statusCode, protocol, text }));
  });
  sent.on('error', reject);
  sent.end();
});

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(version, async () => {
    const { status, protocol, text } = await get({ minVersion: version, maxVersion: version });
    assert.deepEqual([status, protocol, JSON.parse(text).orderId], [200, version, 'o-1']);
  });
}

test('what is too old or no TLS at all', async () => {
  await assert.rejects(get({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  const { text, closed } = await raw(system.port, 'GET /v1/orders/o HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.ok(closed && !text.includes('200'), text);
  assert.equal((await get({})).status, 200);
});

test('files that are no PEM end the start', async () => {
  const bad = join(folder, 'bad.pem');
  writeFileSync(bad, 'not a certificate');
  await assert.rejects(startGateway({ ORDER_GATEWAY_TLS_CERTIFICATE: bad, ORDER_GATEWAY_TLS_KEY: key }), /LISTEN_FAILED/);
  await assert.rejects(startGateway({ ORDER_GATEWAY_TLS_CERTIFICATE: join(folder, 'none'), ORDER_GATEWAY_TLS_KEY: key }), /CONFIG_INVALID/);
});
