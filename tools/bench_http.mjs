// HTTP load: so many connections, each with one request under way, over keep-alive; closed loop. Writes its requests
// and reads Content-Length itself, so that it takes little of the machine that it shares with what it measures.
//     node bench_http.mjs --url http://127.0.0.1:8085/orders [--body JSON] [--connections 64] [--seconds 5]
// Prints {"requests":...,"errors":...,"seconds":...,"perSecond":...,"p50Ms":...,"p99Ms":...}. With --body it POSTs.
import net from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    body: { type: 'string' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '5' },
  },
});
const url = new URL(values.url);
const head = `Host: ${url.host}\r\nConnection: keep-alive\r\n`;
const request = Buffer.from(
  values.body === undefined
    ? `GET ${url.pathname} HTTP/1.1\r\n${head}\r\n`
    : `POST ${url.pathname} HTTP/1.1\r\n${head}Content-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(values.body)}\r\n\r\n${values.body}`,
);

const latenciesMs = [];
let errors = 0;
const begun = performance.now();
const ends = begun + Number(values.seconds) * 1000;

// One connection until the time is over; resolves when its last response is there.
function run() {
  return new Promise((resolve) => {
    const socket = net.connect({ host: url.hostname, port: Number(url.port) });
    let received = Buffer.alloc(0);
    let sent = 0;
    const send = () => {
      if (performance.now() >= ends) return socket.end();
      sent = performance.now();
      return socket.write(request);
    };
    socket.setNoDelay(true);
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const size = responseSize(received);
      if (size === 0) return;
      const ok = /^HTTP\/1\.1 2/.test(received.subarray(0, 16).toString('latin1'));
      if (ok) latenciesMs.push(performance.now() - sent);
      else errors++;
      received = received.subarray(size);
      send();
    });
    socket.on('error', () => {
      errors++;
    });
    socket.on('close', resolve);
  });
}

// Bytes of the whole response, or 0 while some are missing.
function responseSize(received) {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = /content-length: *(\d+)/i.exec(received.subarray(0, end).toString('latin1'));
  if (!length) throw new Error('a response without Content-Length');
  const size = end + 4 + Number(length[1]);
  return received.length >= size ? size : 0;
}

await Promise.all(Array.from({ length: Number(values.connections) }, run));
const seconds = (performance.now() - begun) / 1000;
latenciesMs.sort((a, b) => a - b);
const percentile = (part) => latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * part))] ?? 0;
console.log(
  JSON.stringify({
    requests: latenciesMs.length,
    errors,
    seconds: Number(seconds.toFixed(3)),
    perSecond: Math.round(latenciesMs.length / seconds),
    p50Ms: Number(percentile(0.5).toFixed(2)),
    p99Ms: Number(percentile(0.99).toFixed(2)),
  }),
);
