// Opens pages in Chromium one after the other, takes a picture of each and tells what was seen. Reads a plan from stdin.
const { createRequire } = require('node:module');

const plan = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const { chromium } = createRequire(`${plan.modules}/`)('playwright-core');

function seen() {
  const text = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent.trim());
  const images = [...document.querySelectorAll('.card img, .thumbnail')].filter((image) => image.tagName === 'IMG');
  return {
    heading: text('h1'),
    links: text('.card-title a, .links a, nav a'),
    cards: document.querySelectorAll('.item-card, .catalog-card').length,
    loaded: document.querySelectorAll('.item-card:not(.queued), .catalog-card:not(.queued)').length,
    pictures: images.filter((image) => image.naturalWidth > 1).length,
    broken: images.filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src),
    alerts: text('.alert-danger, .error'),
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth + 1,
  };
}

(async () => {
  const browser = await chromium.launch({
    executablePath: plan.chromium,
    args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--force-color-profile=srgb', '--disable-dev-shm-usage'],
  });
  const found = {};
  for (const page of plan.pages) {
    const context = await browser.newContext({
      viewport: { width: page.width ?? 1280, height: page.height ?? 1000 },
      colorScheme: 'light',
    });
    const tab = await context.newPage();
    const errors = [];
    const failed = [];
    tab.on('console', (message) => message.type() === 'error' && errors.push(`${message.text()} ${message.location().url ?? ''}`));
    tab.on('pageerror', (error) => errors.push(String(error)));
    tab.on('requestfailed', (request) => failed.push(request.url()));
    tab.on('response', (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`));
    await context.route((url) => url.hostname !== '127.0.0.1', (route) => route.abort());
    await tab.goto(page.url);
    await tab.waitForSelector('h1', { timeout: 60000 });
    if (page.expect) await tab.waitForSelector(page.expect, { timeout: 60000 }).catch(() => errors.push(`no ${page.expect}`));
    for (let step = 0; step < (page.scroll ?? 0); step += 1) {
      await tab.mouse.wheel(0, 1500);
      await tab.waitForTimeout(300);
    }
    await tab.waitForTimeout(page.settle ?? 2500);
    const told = await tab.evaluate(seen);
    const map = page.map ? tab.locator('.map').first() : null;
    if (map) await map.screenshot({ path: page.map });
    await tab.screenshot({ path: page.picture, fullPage: page.full ?? !page.scroll });
    found[page.name] = { ...told, errors, failed };
    await context.close();
  }
  await browser.close();
  process.stdout.write(JSON.stringify(found));
})().catch((error) => {
  process.stderr.write(String(error.stack ?? error));
  process.exit(1);
});
