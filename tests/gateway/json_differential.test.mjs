// src/json against @bufbuild/protobuf: for every message of the contracts, and for one with every kind
// of field, thousands of generated values must print as the same JSON and read as the same message.
// JSON_SEED=n repeats a run; the seed is in every failure.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import {
  create, createFileRegistry, equals, fromBinary, fromJson, ScalarType, toBinary, toJson,
} from '@bufbuild/protobuf';
import { anyPack, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const SEED = Number(process.env.JSON_SEED ?? 20260131);
const VALUES_EACH = 200;
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(process.env.ORDER_CONTRACTS)));

// --- random values, the same for the same seed (mulberry32) ---

let state;
const seedWith = (seed) => { state = seed >>> 0; };
const next = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(next() * n);
const pick = (list) => list[below(list.length)];

const TEXTS = ['', 'a', 'chai-1', 'Grüße', '日本語', '😀 "q" \\ /', '\t\n\r\b\f\u0001\u001f', '\u007f\u2028\uffff', '</script>'];
const text = () => (next() < 0.7 ? pick(TEXTS) : Array.from({ length: below(40) },
  () => String.fromCodePoint(pick([32 + below(95), 0xa1 + below(0x500), 0x1f300 + below(0x300)]))).join(''));
const blob = () => Uint8Array.from({ length: below(20) }, () => below(256));
const int32 = () => pick([0, 1, -1, 2147483647, -2147483648, below(100000) - 50000]);
const uint32 = () => pick([0, 1, 4294967295, below(100000)]);
const big = (bits, signed) => {
  const any = BigInt(below(4294967296)) << 32n | BigInt(below(4294967296));
  const edge = signed ? [-(1n << 63n), (1n << 63n) - 1n, -1n] : [(1n << 64n) - 1n];
  return pick([0n, 1n, 9007199254740993n, ...edge, signed ? BigInt.asIntN(64, any) : any]);
};
const real = () => pick([0, 0.1, -1.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN, next(), next() * 1e15]);

function scalar(type) {
  switch (type) {
    case ScalarType.BOOL: return next() < 0.5;
    case ScalarType.STRING: return text();
    case ScalarType.BYTES: return blob();
    case ScalarType.FLOAT: return Math.fround(pick([0, 0.1, -1.5, 3.4028234663852886e38, 1e-45, Infinity, NaN, next()]));
    case ScalarType.DOUBLE: return real();
    case ScalarType.UINT32: case ScalarType.FIXED32: return uint32();
    case ScalarType.UINT64: case ScalarType.FIXED64: return big(64, false);
    case ScalarType.INT64: case ScalarType.SINT64: case ScalarType.SFIXED64: return big(64, true);
    default: return int32();
  }
}

function wellKnown(name, depth) {
  switch (name) {
    case 'google.protobuf.Timestamp':
      return { seconds: BigInt(pick([0, -62135596800, 253402300799, below(4e9), -below(4e9)])), nanos: pick([0, 1, 1000, 1e6, 999999999, below(1e9)]) };
    case 'google.protobuf.Duration': {
      const sign = pick([1, -1]);
      return { seconds: BigInt(sign * pick([0, 1, 315576000000, below(1e6)])), nanos: sign * pick([0, 1, 1000, 5e8, 999999999]) };
    }
    case 'google.protobuf.FieldMask':
      return { paths: Array.from({ length: below(4) }, () => pick(['display_name', 'a', 'lines.unit_price_minor', 'x.y_z'])) };
    case 'google.protobuf.Any': {
      const held = registry.getMessage(pick(['json.test.Inner', 'google.protobuf.Duration', 'google.rpc.ErrorInfo']));
      return anyPack(held, generate(held, depth + 1));
    }
    default: return undefined;
  }
}

const value = (kind, type, depth) =>
  kind === 'scalar' ? scalar(type) : kind === 'enum' ? pick([...type.values.map((v) => v.number), 99])
    : generate(type, depth + 1);

function mapKey(type) {
  return type === ScalarType.STRING ? text() : type === ScalarType.BOOL ? pick(['true', 'false']) : String(scalar(type));
}

function generate(desc, depth = 0) {
  const known = wellKnown(desc.typeName, depth);
  if (known !== undefined) return create(desc, known);
  const message = create(desc);
  const take = (field) => {
    if (field.fieldKind === 'list') {
      return Array.from({ length: below(depth > 2 ? 1 : 4) },
        () => value(field.listKind, field.message ?? field.enum ?? field.scalar, depth));
    }
    if (field.fieldKind === 'map') {
      return Object.fromEntries(Array.from({ length: below(4) }, () =>
        [mapKey(field.mapKey), value(field.mapKind, field.message ?? field.enum ?? field.scalar, depth)]));
    }
    return value(field.fieldKind, field.message ?? field.enum ?? field.scalar, depth);
  };
  for (const member of desc.members) {
    if (next() < 0.25) continue;
    if (member.kind === 'oneof') {
      const field = pick(member.fields);
      message[member.localName] = { case: field.localName, value: take(field) };
    } else {
      message[member.localName] = take(member);
    }
  }
  return message;
}

// --- the bridge ---

let bridge, ended, answers;
before(() => {
  bridge = spawn(process.env.ORDER_JSON_BRIDGE, { stdio: ['pipe', 'pipe', 'inherit'] });
  ended = new Promise((resolve) => bridge.once('exit', (code, signal) => resolve(code ?? signal)));
  answers = createInterface({ input: bridge.stdout })[Symbol.asyncIterator]();
});
after(async () => {
  bridge.stdin.end();
  assert.equal(await ended, 0);
});
async function ask(line) {
  bridge.stdin.write(`${line}\n`);
  const { value: answer, done } = await answers.next();
  assert.ok(!done, 'the bridge has died');
  return answer;
}
const hex = (bytes) => Buffer.from(bytes).toString('hex');

test('every message prints and reads as @bufbuild/protobuf has it', async () => {
  const names = (await ask('types')).trim().split(' ');
  assert.ok(names.includes('json.test.Scalars'));
  const check = (desc) => { // what a new service brings is compared, too
    if (!desc.typeName.startsWith('shop.v1.') || checked.has(desc)) return;
    checked.add(desc);
    assert.ok(names.includes(desc.typeName), `${desc.typeName} is not among tests/support/contract_types.c`);
    desc.fields.forEach((field) => { if (field.message) check(field.message); });
  };
  const checked = new Set();
  for (const desc of registry) if (desc.kind === 'service') desc.methods.forEach((method) => { check(method.input); check(method.output); });
  let compared = 0;
  for (const name of names) {
    const desc = registry.getMessage(name);
    assert.ok(desc, `${name} is not in the contracts`);
    for (let i = 0; i < VALUES_EACH; i++) {
      seedWith(SEED + i * 7919 + name.length);
      await compare(desc, generate(desc), `${name}, JSON_SEED=${SEED}, value ${i}`);
      compared++;
    }
  }
  console.log(`${compared} values of ${names.length} messages`);
});

async function compare(desc, message, where) {
  const expected = toJson(desc, message, { registry });
  const printed = await ask(`print ${desc.typeName} ${hex(toBinary(desc, message))}`);
  assert.deepEqual(floats(JSON.parse(printed)), floats(JSON.parse(JSON.stringify(expected))), `${where}: printed ${printed}`);
  assertSame(desc, fromJson(desc, JSON.parse(printed), { registry }), message, `${where}: read back from ${printed}`);

  const read = await ask(`read ${desc.typeName} ${JSON.stringify(expected)}`);
  assert.ok(!read.startsWith('!'), `${where}: ${read} for ${JSON.stringify(expected)}`);
  assertSame(desc, fromBinary(desc, Buffer.from(read, 'hex')), message, `${where}: read as ${read}`);
}

// equals() has NaN unlike itself, and floats that were read from JSON unlike those from bytes; then
// their JSON must be the same.
function assertSame(desc, a, b, where) {
  if (!equals(desc, a, b, { registry, unpackAny: true })) {
    assert.deepEqual(floats(toJson(desc, a, { registry })), floats(toJson(desc, b, { registry })), where);
  }
}

// @bufbuild/protobuf prints a float with the digits of its double: another text for the same number.
function floats(json) {
  if (typeof json?.floatValue === 'number') json.floatValue = Math.fround(json.floatValue);
  return json;
}

test('what one refuses, the other refuses', async () => {
  const scalars = registry.getMessage('json.test.Scalars');
  const bad = [
    '{"int32Value":2147483648}', '{"int32Value":1.5}', '{"uint32Value":-1}', '{"int64Value":"9223372036854775808"}',
    '{"uint64Value":-1}', '{"floatValue":3.5e38}', '{"boolValue":"true"}', '{"boolValue":1}', '{"colour":"NO_SUCH"}',
    '{"text":1}', '{"blob":"*"}', '{"blob":1}', '{"noSuch":1}', '[]', 'null', '"text"', '{"text":["a"]}', '{"int32Value":{}}',
  ];
  for (const line of bad) {
    assert.throws(() => fromJson(scalars, JSON.parse(line), { registry }), undefined, line);
    assert.match(await ask(`read json.test.Scalars ${line}`), /^! [A-Z_]+ /, line);
  }
  const known = registry.getMessage('json.test.Known');
  for (const line of ['{"createTime":"2026-02-30T00:00:00Z "}', '{"createTime":"10000-01-01T00:00:00Z"}', '{"hold":"1"}',
    '{"hold":"315576000001s"}', '{"updateMask":"a_b"}', '{"detail":{"@type":"x/no.such.Type"}}']) {
    assert.throws(() => fromJson(known, JSON.parse(line), { registry }), undefined, line);
    assert.match(await ask(`read json.test.Known ${line}`), /^! [A-Z_]+ /, line);
  }
});

test('unknown fields are ignored for Connect', async () => {
  const scalars = registry.getMessage('json.test.Scalars');
  const line = '{"text":"t","noSuch":{"a":[1]},"colour":"NEWER"}';
  const expected = fromJson(scalars, JSON.parse(line), { registry, ignoreUnknownFields: true });
  assert.equal(await ask(`lax json.test.Scalars ${line}`), hex(toBinary(scalars, expected)));
});
