// Tokens of an issuer: signed here by Node's own code, each algorithm, and everything that people try with
// them. What a token may say is in tests/unit/access/test_jwt.c.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeKey, startGateway, until } from './gateway.mjs';

const folder = mkdtempSync(join(tmpdir(), 'order-jwt-'));
const jwks = join(folder, 'jwks.json');
const keysFile = join(folder, 'keys');
const ISSUER = 'https://issuer.example';

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
PAIRS.PS256 = PAIRS.RS256;
const OTHER = generateKeyPairSync('rsa', { modulusLength: 2048 });

const jwk = (pair, kid, more = {}) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, ...more });
const publish = (keys) => { writeFileSync(`${jwks}.new`, JSON.stringify({ keys })); renameSync(`${jwks}.new`, jwks); };
const now = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claimsOf = (more) => ({ iss: ISSUER, aud: 'order-gateway', sub: 'c-ada', exp: now() + 600, scope: 'order.read order.write product.read', ...more });

function signature(alg, key, text) {
  const bytes = Buffer.from(text);
  if (alg === 'RS256') return signBytes('sha256', bytes, key);
  if (alg === 'PS256') return signBytes('sha256', bytes, { key, padding: 6, saltLength: 32 });
  if (alg === 'ES256') return signBytes('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
  return signBytes(null, bytes, key);
}
function token(claims = {}, { alg = 'RS256', kid = 'k1', header = {}, key = PAIRS[alg].privateKey } = {}) {
  const text = `${part({ alg, kid, typ: 'JWT', ...header })}.${part(typeof claims === 'string' ? claims : claimsOf(claims))}`;
  return `${text}.${signature(alg, key, text).toString('base64url')}`;
}

const settings = (more) => ({ ORDER_GATEWAY_JWKS: jwks, ORDER_GATEWAY_JWT_ISSUER: ISSUER, ORDER_GATEWAY_JWT_AUDIENCE: 'order-gateway', ...more });
let system, key;
before(async () => {
  publish([jwk(PAIRS.RS256, 'k1'), jwk(OTHER, 'k2', { use: 'enc' })]);
  key = makeKey(keysFile, 'shop', '*');
  system = await startGateway(settings({ ORDER_GATEWAY_KEYS: keysFile }));
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true });
});

const call = (bearer, verb = 'GET', path = '/v1/orders?customerId=c-ada', body = undefined, to = system) => fetch(to.url + path, {
  method: verb, body: body && JSON.stringify(body),
  headers: { Authorization: `Bearer ${bearer}`, ...(body ? { 'Content-Type': 'application/json' } : {}) } });
const refused = async (response, status, reason) => {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(text, new RegExp(`"reason":"${reason}"`));
};
const invalid = async (bearer, why) => {
  const response = await call(bearer);
  assert.equal(response.headers.get('www-authenticate'), 'Bearer error="invalid_token"', why);
  await refused(response, 401, 'TOKEN_INVALID');
};

test('a token of the issuer, and keys beside it', async () => {
  assert.equal((await call(token())).status, 200);
  assert.equal((await call(key)).status, 200);
  await refused(await call(`${key}0`), 401, 'KEY_INVALID');
  assert.equal((await fetch(`${system.url}/v1/orders`)).headers.get('www-authenticate'), 'Bearer');
});

test('scopes and the customer come from the token', async () => {
  const order = { lines: [{ productId: 'p', quantity: 1 }] };
  assert.equal((await (await call(token(), 'POST', '/v1/orders', order)).json()).customerId, 'c-ada');
  await refused(await call(token(), 'POST', '/v1/orders', { ...order, customerId: 'c-bob' }), 403, 'OTHER_CUSTOMER');
  await refused(await call(token(), 'GET', '/v1/orders?customerId=c-bob'), 403, 'OTHER_CUSTOMER');
  await refused(await call(token({ scope: 'product.read' })), 403, 'SCOPE_MISSING');
  await refused(await call(token({ scope: '' })), 403, 'SCOPE_MISSING');
  await refused(await call(token({ scope: undefined })), 403, 'SCOPE_MISSING');
  const backOffice = token({ scope: 'order.write customer.any' });
  assert.equal((await (await call(backOffice, 'POST', '/v1/orders', { ...order, customerId: 'c-bob' })).json()).customerId, 'c-bob');
});

test('alg none, and a public key taken for a shared secret', async () => {
  const claims = part(claimsOf());
  for (const alg of ['none', 'None', 'NONE', '']) {
    const header = part({ alg, kid: 'k1' });
    await invalid(`${header}.${claims}.`, alg);
    await invalid(`${header}.${claims}.AA`, alg);
    await invalid(`${header}.${claims}.${token().split('.')[2]}`, alg);
  }
  const secrets = [PAIRS.RS256.publicKey.export({ type: 'spki', format: 'pem' }), PAIRS.RS256.publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(jwk(PAIRS.RS256, 'k1')), ''];
  for (const secret of secrets) {
    for (const alg of ['HS256', 'RS256']) {
      const text = `${part({ alg, kid: 'k1' })}.${claims}`;
      await invalid(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`, alg);
    }
  }
});

test('keys of others: by kid, by another key, by a key in the header', async () => {
  await invalid(token({}, { kid: 'k9' }));
  await invalid(token({}, { kid: '../../dev/null' }));
  await invalid(token({}, { kid: 'k2', key: OTHER.privateKey }), 'k2 is for encryption');
  await invalid(token({}, { key: OTHER.privateKey }));
  const own = { jwk: jwk(OTHER, 'k1'), jku: `${system.url}/jwks.json`, x5u: 'file:///etc/passwd' };
  await invalid(token({}, { key: OTHER.privateKey, header: own }));
  await invalid(token({}, { alg: 'PS256' }), 'the same key, another algorithm');
});

test('expired, not yet, of others, for others, tampered with, too large', async () => {
  const late = await call(token({ exp: now() - 31 }));
  assert.equal(late.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  await refused(late, 401, 'TOKEN_EXPIRED');
  assert.equal((await call(token({ exp: now() - 5 }))).status, 200, 'within the leeway');
  await invalid(token({ nbf: now() + 600 }));
  await invalid(token({ iss: 'https://issuer.example.evil' }));
  await invalid(token({ aud: 'another' }));
  await invalid(token({ exp: undefined }));
  await invalid(token({ exp: `${now() + 600}` }));
  await invalid(token({ sub: { $ne: '' } }));
  await invalid(token('[]'));
  const [header, , signed] = token().split('.');
  await invalid(`${header}.${part(claimsOf({ sub: 'c-bob' }))}.${signed}`);
  const good = token();
  await invalid(`${good.slice(0, 100)}x${good.slice(101)}`);
  await invalid(good.slice(0, -10));
  await invalid(token({ padding: 'x'.repeat(8192) }));
  assert.equal((await call(token({ padding: 'x'.repeat(4096) }))).status, 200);
  assert.ok(!system.gateway.log.some((line) => line.includes(signed.slice(0, 20))), 'no token in the log');
});

test('random tokens: always 401', async () => {
  const SEED = Number(process.env.JWT_SEED ?? 20261125);
  let state = SEED;
  const below = (n) => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) % n; };
  const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const good = token();
  for (let i = 0; i < 2000; i++) {
    const letters = [...good];
    for (let j = 0; j <= below(4); j++) {
      const at = below(good.length - 1); // the last digit has bits that mean nothing
      if (below(3) === 0) letters.splice(at, 1 + below(20)); else letters[at] = below(20) === 0 ? '.' : DIGITS[(DIGITS.indexOf(letters[at]) + 1 + below(62)) % 64];
    }
    if (letters.join('') === good) continue;
    const response = await call(letters.join(''));
    assert.equal(response.status, 401, `JWT_SEED=${SEED}: ${letters.join('')}`);
    await response.arrayBuffer();
  }
});

test('new keys of the issuer are in force within seconds; a file that breaks changes nothing', async () => {
  const fresh = token({}, { kid: 'k3', key: OTHER.privateKey });
  await invalid(fresh);
  publish([jwk(PAIRS.RS256, 'k1'), jwk(OTHER, 'k3')]);
  await until(async () => (await call(fresh)).status === 200);
  publish([jwk(OTHER, 'k3')]);
  await until(async () => (await call(token())).status === 401);
  writeFileSync(jwks, '{');
  await until(async () => { await call(fresh); return system.gateway.log.some((line) => line.includes('JWKS_MALFORMED')); });
  assert.equal((await call(fresh)).status, 200);
  const usable = async (is) => (await (await fetch(`${system.operations}/metrics`)).text()).includes(`\norder_gateway_credentials_usable{file="jwks"} ${is}\n`);
  assert.ok(await usable(0));
  publish([jwk(OTHER, 'k3')]);
  await until(() => usable(1));
  rmSync(jwks);
  await until(async () => { await call(fresh); return system.gateway.log.some((line) => /\berror .*stay in force.*file=jwks.*cannot be read/.test(line)); });
  assert.equal((await call(fresh)).status, 200);
  assert.ok(await usable(0));
  publish([jwk(OTHER, 'k3')]);
  await until(() => usable(1));
});

for (const alg of ['PS256', 'ES256', 'EdDSA']) {
  test(`${alg}, the only one then`, async () => {
    publish([jwk(PAIRS[alg], 'k1'), ...(alg === 'PS256' ? [] : [jwk(PAIRS.RS256, 'k2')])]);
    const other = await startGateway(settings({ ORDER_GATEWAY_JWT_ALGORITHM: alg }));
    assert.equal((await call(token({}, { alg }), 'GET', '/v1/orders', undefined, other)).status, 200);
    await refused(await call(token({}, { alg: 'RS256', kid: alg === 'PS256' ? 'k1' : 'k2' }), 'GET', '/v1/orders', undefined, other), 401, 'TOKEN_INVALID');
    await refused(await call(key, 'GET', '/v1/orders', undefined, other), 401, 'KEY_INVALID');
    if (alg === 'ES256') {
      const [header, claims, signed] = token({}, { alg }).split('.');
      for (const forged of [Buffer.alloc(64), Buffer.concat([Buffer.from(signed, 'base64url'), Buffer.alloc(1)]), Buffer.alloc(64, 255)]) {
        await refused(await call(`${header}.${claims}.${forged.toString('base64url')}`, 'GET', '/v1/orders', undefined, other), 401, 'TOKEN_INVALID');
      }
    }
    await other.stop();
  });
}

test('settings that cannot be meant: the gateway does not start', async () => {
  const broken = async (more, keys) => {
    publish(keys ?? [jwk(PAIRS.RS256, 'k1')]);
    const started = await startGateway(settings(more), { withServer: false }).catch((error) => error);
    assert.ok(started instanceof Error);
    return started.message;
  };
  assert.match(await broken({ ORDER_GATEWAY_JWT_ALGORITHM: 'HS256' }), /jwt-algorithm/);
  assert.match(await broken({ ORDER_GATEWAY_JWT_AUDIENCE: '' }), /jwt-audience/);
  assert.match(await broken({}, [jwk(generateKeyPairSync('rsa', { modulusLength: 1024 }), 'k1')]), /weak/);
  assert.match(await broken({}, [PAIRS.RS256.privateKey.export({ format: 'jwk' })]), /private/);
  assert.match(await broken({}, [{ ...jwk(PAIRS.ES256, 'k1') }]), /no key/);
  const point = jwk(PAIRS.ES256, 'k1');
  const beside = { ...point, y: point.x };
  assert.match(await broken({ ORDER_GATEWAY_JWT_ALGORITHM: 'ES256' }, [beside]), /malformed/);
});
