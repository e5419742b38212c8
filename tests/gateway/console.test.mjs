// The console in a real browser, over the whole system: an order is placed, stored, cancelled, and its units come
// back; with a key, with the keyboard alone, on a phone, in the dark; and axe looks at all of it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { makeKey } from './gateway.mjs';
import { startSystem } from './system.mjs';

const WAIT = { timeout: 120000 }; // sanitizers on a busy machine
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'order-console-'));
const keys = join(folder, 'keys');
const all = makeKey(keys, 'operator', '*');
const narrow = makeKey(keys, 'reader', 'product.read');

let system, browser;
before(async () => {
  system = await startSystem({ ORDER_GATEWAY_KEYS: keys });
  for (const [id, units] of [['chai', 40], ['sencha', 12], ['oolong', 0]]) {
    system.orderctl('product', 'create', id, '--name', id, '--price', '18.00', '--currency', 'EUR', '--on-hand', String(units));
  }
  browser = await chromium.launch({ ...WAIT, executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
});
after(async () => {
  await browser.close();
  await system.stop();
  rmSync(folder, { recursive: true });
});

// A page that has its key; what it logs as an error, or asks of another host, fails the test.
async function open(options = {}, key = all) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) wrong.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(system.url)) wrong.push(request.url()); });
  page.setDefaultTimeout(WAIT.timeout);
  await page.goto(`${system.url}/console`);
  await page.getByRole('dialog', { name: 'API key' }).waitFor(WAIT);
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Use it' }).click();
  return { page, close: async () => { await context.close(); assert.deepEqual(wrong, []); } };
}

const isLive = (page) => page.getByText('live', { exact: true }).waitFor(WAIT);
const available = (page, product) => page.locator('#stock-table tr', { has: page.getByRole('button', { name: product, exact: true }) }).locator('td').nth(1);
const textIs = (locator, text) => locator.filter({ hasText: new RegExp(`^${text}$`) }).waitFor(WAIT);

async function inspect(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes[0].html]), []);
}

test('place an order, see it stored, cancel it, see its units come back', async () => {
  const { page, close } = await open();
  await isLive(page);
  await textIs(available(page, 'chai'), '40');
  await page.getByLabel('Customer', { exact: true }).fill('ada');
  await page.locator('#place').getByLabel('Product').fill('chai');
  await page.locator('#place').getByLabel('Quantity').fill('3');
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.locator('#place-result', { hasText: 'Accepted' }).waitFor(WAIT);
  await page.locator('#detail-facts', { hasText: 'stored in PostgreSQL' }).waitFor(WAIT);
  await page.locator('#detail-timeline', { hasText: 'Created' }).waitFor(WAIT);
  await textIs(available(page, 'chai'), '37');
  const orderId = await page.locator('#detail-facts dd').first().textContent();
  assert.equal(system.sql(`SELECT state FROM orders WHERE order_id = '${orderId}'`), '1');

  await page.getByLabel('Why', { exact: true }).fill('changed her mind');
  await page.getByRole('button', { name: 'Cancel this order' }).click();
  await page.getByRole('button', { name: 'Cancel the order', exact: true }).click();
  await page.locator('#detail-timeline', { hasText: 'changed her mind' }).waitFor(WAIT);
  await textIs(page.locator('#detail-facts .state'), 'cancelled');
  await textIs(available(page, 'chai'), '40');
  assert.equal(await page.getByRole('button', { name: 'Cancel this order' }).isVisible(), false);

  await page.getByRole('button', { name: 'chai', exact: true }).click();
  await page.locator('#explain-sum', { hasText: '40 on hand − 0 promised = 40 available' }).waitFor(WAIT);
  await page.locator('#explain-moves', { hasText: 'changed her mind' }).waitFor(WAIT);
  await close();
});

test('what is refused says so, and why', async () => {
  const { page, close } = await open();
  await isLive(page);
  await page.getByLabel('Customer', { exact: true }).fill('ada');
  await page.locator('#place').getByLabel('Product').fill('sencha');
  await page.locator('#place').getByLabel('Quantity').fill('13');
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.locator('#place-result', { hasText: /Not placed: .*OUT_OF_STOCK/ }).waitFor(WAIT);
  await page.getByLabel('Order or customer').fill('01a2145f-7ae2-866e-a16a-f38ccd1ada81');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.locator('#detail-problem', { hasText: 'ORDER_NOT_FOUND' }).waitFor(WAIT);
  await page.getByLabel('Order or customer').fill('nobody');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('No orders like that.').waitFor(WAIT);
  await close();
});

test('with the keyboard alone', async () => {
  const order = JSON.parse(system.orderctl('order', 'create', '--customer', 'grace', 'sencha=1', '-o', 'json'));
  const { page, close } = await open();
  await isLive(page);
  await page.keyboard.press('/');
  await page.keyboard.type('grace');
  await page.keyboard.press('Enter');
  const link = page.getByRole('button', { name: `Order ${order.orderId}` });
  await link.waitFor(WAIT);
  for (let i = 0; i < 10 && !(await link.evaluate((element) => element === document.activeElement)); i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#detail:focus').waitFor(WAIT);
  await page.locator('#detail-facts', { hasText: 'grace' }).waitFor(WAIT);
  await close();
});

test('a key that may little is told so', async () => {
  const { page, close } = await open({}, narrow);
  await page.locator('#live', { hasText: 'SCOPE_MISSING' }).waitFor(WAIT);
  await page.locator('#orders-problem', { hasText: 'SCOPE_MISSING' }).waitFor(WAIT);
  await textIs(available(page, 'chai'), '40');
  await close();
});

test('axe finds nothing serious: light and dark, desk and phone', async () => {
  const order = JSON.parse(system.orderctl('order', 'create', '--customer', 'joan', 'sencha=1', '-o', 'json'));
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 780 }]) {
      const { page, close } = await open({ colorScheme, viewport });
      await isLive(page);
      await page.getByRole('button', { name: `Order ${order.orderId}` }).click();
      await page.locator('#detail-timeline li').first().waitFor(WAIT);
      await page.getByRole('button', { name: 'chai', exact: true }).click();
      await page.locator('#explain-causes td').first().waitFor(WAIT);
      await inspect(page);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
      if (process.env.SCREENSHOT && colorScheme === 'light' && viewport.width > 1000) await page.screenshot({ path: process.env.SCREENSHOT });
      await page.getByRole('button', { name: 'API key' }).click();
      await inspect(page);
      await close();
    }
  }
});
