// The console: what goes on, and what a person may do about it by hand. One page over the gateway's own interface.
import { Failure, follow, get, key, post } from './console_api.js';
import { bars, lines } from './console_charts.js';

const $ = (id) => document.getElementById(id);
const SLOTS = 120; // seconds, and so bars, of the charts
const LIST_ROWS = 20, STOCK_ROWS = 200, CHART_PRODUCTS = 8;

// ---- words and numbers ----

const STATES = {
  STATE_PENDING: ['held', 'wait'], STATE_CONFIRMED: ['confirmed', 'good'], STATE_PARTIALLY_FULFILLED: ['partly sent', 'good'],
  STATE_FULFILLED: ['fulfilled', 'gone'], STATE_CANCELLED: ['cancelled', 'gone'], STATE_EXPIRED: ['expired', 'gone'], STATE_REJECTED: ['rejected', 'bad'],
};
const DURABILITY = { DURABILITY_RESERVED: 'set aside in Redis', DURABILITY_QUEUED: 'confirmed by RabbitMQ', DURABILITY_PERSISTED: 'stored in PostgreSQL' };
const KINDS = {
  'order.created': 'Created', 'order.confirmed': 'Confirmed', 'order.cancelled': 'Cancelled', 'order.expired': 'Expired', 'order.fulfilled': 'Sent',
  'stock.adjusted': 'Adjusted', initial: 'At the start',
};
const count = (number) => Number(number).toLocaleString('en');
const signed = (number) => (Number(number) === 0 ? '' : `${Number(number) > 0 ? '+' : '−'}${count(Math.abs(Number(number)))}`);
const money = (minor, currency) => {
  try {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' });
    return format.format(Number(minor) / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${minor} ${currency}`;
  }
};
const time = (text) => (text ? new Date(text).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'medium' }) : '–');
const ago = (text) => {
  const seconds = Math.round((Date.now() - new Date(text)) / 1000);
  if (Math.abs(seconds) < 5) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : time(text);
};
const took = (ms) => (ms === undefined ? '–' : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
const cell = (text, className = '') => element('td', { className, textContent: text });
const link = (text, action) => element('button', { type: 'button', className: 'link', textContent: text, onclick: action });
const state = (name) => {
  const [text, className] = STATES[name] ?? [name, ''];
  return element('span', { className: `state ${className}`, textContent: text });
};

// Says what failed and why, where it was asked for.
function tell(place, error) {
  place.hidden = !error;
  place.textContent = error ? explain(error) : '';
  if (error instanceof Failure && error.status === 401) askForKey();
}
function explain(error) {
  if (!(error instanceof Failure)) return String(error);
  const more = Object.entries(error.metadata).map(([name, value]) => `${name} ${value}`).join(', ');
  return `${error.message}${more ? ` (${more})` : ''}${error.reason ? ` [${error.reason}]` : ''}`;
}

const busy = async (button, work) => {
  button.disabled = true;
  try { return await work(); } finally { button.disabled = false; }
};

// ---- the key, and being sure ----

let asked = false;
function askForKey() {
  if ($('key').open || asked) return;
  asked = true;
  $('key-text').value = '';
  $('key').showModal();
}
$('key-open').onclick = () => { asked = false; askForKey(); };
$('key').onclose = () => {
  if ($('key').returnValue === 'use') key.set($('key-text').value.trim());
  if ($('key').returnValue === 'forget') key.set('');
  if ($('key').returnValue) location.reload();
};

function sure(text, yes) {
  $('sure-text').textContent = text;
  $('sure-yes').textContent = yes;
  $('sure').returnValue = 'no';
  $('sure').showModal();
  return new Promise((resolve) => { $('sure').onclose = () => resolve($('sure').returnValue === 'yes'); });
}

// ---- live: what is stored, second by second ----

const rate = Array(SLOTS).fill(undefined);
let second = 0, isDirty = true;
const watched = { order: undefined };

follow('/v1/events', {
  event: ({ event }) => {
    if (event === 'order.created') second++;
    isDirty = true;
  },
  state: (now) => {
    const failed = now instanceof Failure;
    $('live').className = `live ${failed ? 'off' : now}`;
    $('live').textContent = failed ? explain(now) : now === 'on' ? 'live' : 'connection lost, trying again';
    if (failed && now.status === 401) askForKey();
    if (now === 'on' && rate.at(-1) === undefined) rate[SLOTS - 1] = 0;
  },
});

function drawRate() {
  rate.push(second);
  rate.shift();
  second = 0;
  const minute = rate.slice(-60).reduce((sum, value) => sum + (value ?? 0), 0);
  $('tile-rate').textContent = count(rate.at(-1));
  $('tile-minute').textContent = count(minute);
  const top = bars($('chart-rate'), rate, SLOTS, `${count(rate.at(-1))} orders stored in the last second, ${count(minute)} in the last minute`);
  $('chart-rate-axis').textContent = `full height: ${count(top)} a second`;
}

// ---- latency: differences of what a server has counted ----

const p50 = Array(SLOTS).fill(undefined), p99 = Array(SLOTS).fill(undefined);
let counted;

async function drawLatency() {
  const stats = await get('/v1/stats').catch(() => undefined);
  const buckets = new Map();
  for (const method of stats?.methods ?? []) {
    if (!/\/(Batch)?CreateOrders?$/.test(method.method)) continue;
    for (const bucket of method.latencies) buckets.set(Number(bucket.upperUs), (buckets.get(Number(bucket.upperUs)) ?? 0) + Number(bucket.count));
  }
  const since = counted && counted.server === stats?.serverId ? counted.buckets : undefined;
  const fresh = since ? [...buckets].map(([upper, all]) => [upper, all - (since.get(upper) ?? 0)]).sort(([a], [b]) => a - b) : [];
  counted = stats && { server: stats.serverId, buckets };
  const all = fresh.reduce((sum, [, more]) => sum + more, 0);
  const quantile = (part) => {
    let left = Math.ceil(all * part);
    return all > 0 ? fresh.find(([, more]) => (left -= more) <= 0)[0] / 1000 : undefined;
  };
  for (const [list, part] of [[p50, 0.5], [p99, 0.99]]) { list.push(quantile(part)); list.shift(); }
  $('tile-p50').textContent = took(p50.findLast((value) => value !== undefined));
  $('tile-p99').textContent = `99 % ${took(p99.findLast((value) => value !== undefined))}`;
  const top = lines($('chart-latency'), [{ name: 'p50', values: p50 }, { name: 'p99', values: p99 }], SLOTS,
    all > 0 ? `Median ${took(p50.at(-1))}, 99 % within ${took(p99.at(-1))}` : 'No orders in the last second');
  $('chart-latency-axis').textContent = !stats ? 'not shown: the key has no scope admin.read'
    : p50.some((value) => value !== undefined) ? `full height: ${took(top)}, of one server` : 'no orders yet';
}

// ---- orders ----

let filter = {};
$('search').onsubmit = (event) => {
  event.preventDefault();
  const text = $('search-text').value.trim();
  filter = { customerId: text, states: $('search-state').value };
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    filter.customerId = '';
    showOrder(text.toLowerCase());
  }
  busy(event.submitter ?? $('search'), listOrders);
};

async function listOrders() {
  try {
    const { orders } = await get('/v1/orders', { ...filter, pageSize: LIST_ROWS });
    tell($('orders-problem'));
    const hadFocus = $('orders-table').contains(document.activeElement) && document.activeElement.dataset.order;
    $('orders-table').tBodies[0].replaceChildren(...orders.map((order) => {
      const open = link(order.orderId.slice(-12), () => showOrder(order.orderId));
      open.dataset.order = order.orderId;
      open.setAttribute('aria-label', `Order ${order.orderId}`);
      return element('tr', {}, element('td', { title: time(order.placedTime), textContent: ago(order.placedTime) }), element('td', {}, open),
        cell(order.customerId), element('td', {}, state(order.state)), cell(money(order.totalMinor, order.currency), 'number'));
    }));
    if (hadFocus) $('orders-table').querySelector(`[data-order="${hadFocus}"]`)?.focus();
    $('orders-empty').hidden = orders.length > 0;
    $('orders-empty').textContent = filter.customerId || filter.states ? 'No orders like that.' : 'No orders yet. Place one.';
  } catch (error) {
    tell($('orders-problem'), error);
  }
}

// ---- one order, live ----

function showOrder(orderId) {
  watched.stream?.stop();
  Object.assign(watched, { orderId, order: undefined });
  $('detail').hidden = false;
  $('detail-title').textContent = `Order ${orderId.slice(-12)}`;
  $('detail-timeline').replaceChildren();
  $('detail-facts').replaceChildren();
  $('detail-lines').tBodies[0].replaceChildren();
  $('cancel').hidden = true;
  tell($('detail-problem'));
  $('detail').focus();
  watched.stream = follow(`/v1/orders/${orderId}:watch`, {
    event: ({ event, data }) => {
      if (event === 'order') drawOrder(JSON.parse(data));
      else addToTimeline(JSON.parse(data));
    },
    state: (now) => tell($('detail-problem'), now instanceof Failure ? now : undefined),
  });
}
$('detail-close').onclick = () => {
  watched.stream?.stop();
  $('detail').hidden = true;
  $('orders').focus();
};

function drawOrder(order) {
  if (order.orderId !== watched.orderId) return;
  watched.order = order;
  const facts = [['Order', order.orderId], ['Customer', order.customerId], ['State', state(order.state)], ['Kept', DURABILITY[order.durability] ?? '–'],
    ['Total', money(order.totalMinor, order.currency)], ['Placed', time(order.placedTime)], ...(order.orderRef ? [['Reference', order.orderRef]] : []),
    ...(order.state === 'STATE_PENDING' ? [['Held until', time(order.expireTime)]] : []), ...(order.paymentReference ? [['Payment', order.paymentReference]] : [])];
  $('detail-facts').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', {}, value)]));
  $('detail-lines').tBodies[0].replaceChildren(...order.lines.map((line) => element('tr', {}, cell(line.productId, 'name'), cell(count(line.quantity), 'number'),
    cell(line.fulfilledQuantity ? count(line.fulfilledQuantity) : '', 'number'), cell(line.cancelledQuantity ? count(line.cancelledQuantity) : '', 'number'),
    cell(money(line.unitPriceMinor, order.currency), 'number'))));
  $('cancel').hidden = !['STATE_PENDING', 'STATE_CONFIRMED', 'STATE_PARTIALLY_FULFILLED'].includes(order.state);
}

// An event means that PostgreSQL has it: what is shown of the order is read anew.
async function addToTimeline(event) {
  const what = KINDS[event.type] ?? event.type;
  const units = event.lines.map((line) => `${count(line.quantity)} of line ${line.lineNumber}`).join(', ');
  $('detail-timeline').append(element('li', {}, element('strong', { textContent: what }), ` by ${event.actor}`, units && event.type !== 'order.expired' ? `: ${units}` : '',
    event.reason ? ` – ${event.reason}` : '', element('span', { className: 'when', textContent: time(event.eventTime) })));
  const { orderId } = watched;
  const order = await get(`/v1/orders/${orderId}`).catch(() => undefined);
  if (order) drawOrder(order);
}

$('cancel').onsubmit = async (event) => {
  event.preventDefault();
  const { orderId } = watched;
  if (!await sure(`Order ${orderId} will be cancelled, and its open units go back on sale.`, 'Cancel the order')) return;
  busy(event.submitter ?? $('cancel'), async () => {
    try {
      drawOrder(await post(`/v1/orders/${orderId}:cancel`, { reason: $('cancel-reason').value }));
      $('cancel-reason').value = '';
      tell($('detail-problem'));
    } catch (error) {
      tell($('detail-problem'), error);
    }
  });
};

// ---- place an order ----

let attempt = crypto.randomUUID(); // until it is known what became of it, the same order
let lineNumber = 0;
function addLine() {
  const number = ++lineNumber;
  const line = element('div', { className: 'line' },
    element('label', { textContent: 'Product' }, Object.assign(element('input', { required: true, maxLength: 64, autocomplete: 'off', spellcheck: false, className: 'product' }))),
    element('label', { textContent: 'Quantity' }, element('input', { type: 'number', required: true, min: 1, max: 1000000, value: 1, className: 'quantity' })),
    element('button', { type: 'button', className: 'quiet', textContent: '×', onclick: () => { if ($('place-lines').children.length > 1) line.remove(); } }));
  line.querySelector('.product').setAttribute('list', 'product-list');
  line.querySelector('button').setAttribute('aria-label', `Remove line ${number}`);
  $('place-lines').append(line);
  return line;
}
$('place-add').onclick = () => addLine().querySelector('input').focus();
$('place').oninput = () => { attempt = crypto.randomUUID(); };
$('place').onsubmit = (event) => {
  event.preventDefault();
  const lines = [...$('place-lines').children].map((line) => ({ productId: line.querySelector('.product').value, quantity: Number(line.querySelector('.quantity').value) }));
  const order = { customerId: $('place-customer').value, lines, ...($('place-confirm').checked && { confirm: true }) };
  $('place-result').className = 'result';
  $('place-result').textContent = 'Placing …';
  busy(event.submitter ?? $('place'), async () => {
    try {
      const made = await post('/v1/orders', order, attempt);
      attempt = crypto.randomUUID();
      $('place-result').replaceChildren('Accepted: ', link(made.orderId, () => showOrder(made.orderId)), `, ${money(made.totalMinor, made.currency)}`);
      showOrder(made.orderId);
    } catch (error) {
      const known = error instanceof Failure && ![0, 500, 504].includes(error.status);
      if (known) attempt = crypto.randomUUID();
      $('place-result').className = 'result bad';
      $('place-result').textContent = `${known ? 'Not placed: ' : 'Not known whether it was placed; press again, it is placed once. '}${explain(error)}`;
      if (error.status === 401) askForKey();
    }
  });
};

// ---- stock ----

let stock = [], explained;
async function readStock() {
  try {
    const all = [];
    let pageToken = '';
    do {
      const page = await get('/v1/stock', { pageSize: 1000, pageToken });
      all.push(...page.stock);
      pageToken = page.nextPageToken;
    } while (pageToken && all.length < 5000);
    stock = all;
    drawStock();
  } catch (error) {
    $('stock-empty').hidden = false;
    $('stock-empty').textContent = explain(error);
  }
}

function drawStock() {
  const wanted = $('stock-filter').value.trim().toLowerCase();
  const shown = stock.filter((one) => one.productId.toLowerCase().includes(wanted)).slice(0, STOCK_ROWS);
  const focused = $('stock-table').contains(document.activeElement) && document.activeElement.textContent;
  $('stock-table').tBodies[0].replaceChildren(...shown.map((one) => element('tr', {}, element('td', { className: 'name' }, link(one.productId, () => explainStock(one.productId))),
    cell(count(one.available), 'number'), cell(count(one.onHand), 'number'), cell(count(one.reserved), 'number'))));
  if (focused) [...$('stock-table').querySelectorAll('button')].find((button) => button.textContent === focused)?.focus();
  $('stock-empty').hidden = shown.length > 0;
  $('stock-empty').textContent = stock.length === 0 ? 'No products yet.' : 'No product like that.';
  const names = stock.slice(0, 500).map((one) => element('option', { value: one.productId }));
  if ($('product-list').children.length !== names.length) $('product-list').replaceChildren(...names);
  $('tile-soldout').textContent = count(stock.filter((one) => Number(one.available) <= 0).length);
  $('tile-products').textContent = `of ${count(stock.length)} products`;
  const fewest = [...stock].sort((a, b) => Number(a.available) - Number(b.available)).slice(0, CHART_PRODUCTS);
  $('chart-stock').replaceChildren(...fewest.map((one) => {
    const part = (number, className) => {
      const bar = element('span', { className });
      bar.style.width = `${(Number(number) / Math.max(1, Number(one.available) + Number(one.reserved))) * 100}%`;
      return bar;
    };
    const row = element('div', {}, element('span', { className: 'name', textContent: one.productId, title: one.productId }),
      element('span', { className: 'track', ariaHidden: 'true' }, part(one.available, 'available'), part(one.reserved, 'reserved')), element('span', { className: 'count', textContent: count(one.available) }));
    row.setAttribute('role', 'listitem');
    row.setAttribute('aria-label', `${one.productId}: ${count(one.available)} available, ${count(one.reserved)} promised`);
    return row;
  }));
}
$('stock-filter').oninput = drawStock;

const RECENT_MS = 600000; // of the movements shown

async function explainStock(productId, isAgain = false) {
  explained = productId;
  const path = `/v1/products/${encodeURIComponent(productId)}/stock`;
  try {
    const [sums, { movements }] = await Promise.all([get(`${path}:explain`),
      get(`${path}/movements`, { startTime: new Date(Date.now() - RECENT_MS).toISOString(), pageSize: 1000 })]);
    if (explained !== productId) return;
    const one = sums.stock, safety = Number(one.safetyStock), onItsWay = Number(sums.inFlight) + Number(sums.unapplied);
    $('explain-title').textContent = `${productId}, explained`;
    $('explain-sum').textContent = `${count(one.onHand)} on hand − ${count(one.reserved)} promised${safety ? ` − ${count(safety)} never sold` : ''}${onItsWay ? ` − ${count(onItsWay)} on the way` : ''} = ${count(one.available)} available.`
      + (sums.addsUp ? ' It adds up:' : ' It does not add up at this moment:');
    $('explain-causes').tBodies[0].replaceChildren(...sums.causes.map((cause) => element('tr', {}, cell(KINDS[cause.cause] ?? cause.cause),
      cell(signed(cause.onHand), 'number'), cell(signed(cause.reserved), 'number'))));
    $('explain-moves').tBodies[0].replaceChildren(...movements.slice(-20).reverse().map((move) => element('tr', {}, element('td', { textContent: ago(move.eventTime), title: time(move.eventTime) }),
      element('td', {}, move.orderId ? link(`${KINDS[move.cause] ?? move.cause}, order ${move.orderId.slice(-6)}`, () => showOrder(move.orderId)) : (KINDS[move.cause] ?? move.cause)),
      cell(`${signed(move.deltaOnHand)} → ${count(move.onHandAfter)}`, 'number'), cell(`${signed(move.deltaReserved)} → ${count(move.reservedAfter)}`, 'number'),
      cell([move.reason, move.reference].filter(Boolean).join(', '), 'wrap'))));
    $('explain-moves').hidden = movements.length === 0;
    $('explain').hidden = false;
    if (!isAgain) $('explain-title').focus();
  } catch (error) {
    $('explain').hidden = false;
    $('explain-sum').textContent = explain(error);
  }
}

// ---- dead letters ----

async function readDeadLetters() {
  try {
    const { deadLetters } = await get('/v1/deadLetters', { state: 'STATE_UNDECIDED', pageSize: 50 });
    tell($('dead-problem'));
    $('tile-dead').textContent = deadLetters.length === 50 ? '50+' : count(deadLetters.length);
    const decide = (letter, verb, text, yes) => link(yes, async (event) => {
      if (!await sure(text, yes)) return;
      busy(event.target, () => post(`/v1/deadLetters/${letter.deadLetterId}:${verb}`, {}, '').then(readDeadLetters, (error) => tell($('dead-problem'), error)));
    });
    $('dead-table').tBodies[0].replaceChildren(...deadLetters.map((letter) => element('tr', {}, element('td', { textContent: ago(letter.createTime), title: time(letter.createTime) }),
      cell(letter.routingKey), cell(`${letter.message} [${letter.reason}]`, 'wrap'), element('td', {},
        decide(letter, 'requeue', 'A worker tries to store it again.', 'Store again'), ' ',
        decide(letter, 'discard', 'It is never stored, and the units that it holds go back on sale.', 'Discard')))));
    $('dead-table').hidden = deadLetters.length === 0;
    $('dead-empty').hidden = deadLetters.length > 0;
    $('dead-empty').textContent = 'None. Every event could be stored.';
  } catch (error) {
    $('dead-table').hidden = true;
    $('dead-empty').hidden = true;
    tell($('dead-problem'), error);
  }
}

// ---- the clock of the page ----

addLine();
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.target.closest('input, select, textarea, dialog')) {
    event.preventDefault();
    $('search-text').focus();
  }
});
let ticks = 0;
async function tick() {
  drawRate();
  drawLatency();
  const isShown = document.visibilityState === 'visible';
  if (isShown && isDirty) {
    isDirty = false;
    listOrders();
    readStock();
    if (explained && !$('explain').hidden) explainStock(explained, true);
  } else if (isShown && ticks % 5 === 0) {
    readStock();
  }
  if (isShown && ticks % 10 === 0) readDeadLetters();
  ticks++;
}
setInterval(tick, 1000);
tick();
