// Chromium for a test in another language: one JSON command per line on stdin, one JSON answer per line on stdout.
// Ends, with the browser, when stdin ends. node bridge.mjs CHROMIUM
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const { chromium } = createRequire(join(process.cwd(), "package.json"))("playwright-core");
const WITHIN = 10_000;

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--font-render-hinting=none"],
});

let context, page, base;
let troubles = [];

function place({ inside, role, name, label, css, text, nth }) {
  const root = inside ? page.locator(inside) : page;
  const found = role ? root.getByRole(role, name === undefined ? {} : { name, exact: true })
    : label ? root.getByLabel(label, { exact: true })
    : css ? root.locator(css, text === undefined ? {} : { hasText: text })
    : root.getByText(text);
  return nth === undefined ? found.first() : found.nth(nth);
}

const commands = {
  // A fresh browser profile at the page.
  async open({ url, width = 1280, height = 800, scheme = "light", unverified = false }) {
    await context?.close();
    base = url;
    troubles = [];
    context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ignoreHTTPSErrors: unverified, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });
    context.setDefaultTimeout(WITHIN);
    page = await context.newPage();
    page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // Each answer of 4xx is told as an error by the browser, also those that are part of the protocol.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) troubles.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) troubles.push(`loaded from elsewhere: ${request.url()}`);
    });
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`policy ${event.violatedDirective}: ${event.blockedURI}`));
    });
    await page.goto(url);
  },
  async go({ hash }) {
    await page.evaluate((to) => { location.hash = to; }, hash);
  },
  async click(where) { await place(where).click(); },
  async press({ key, ...where }) { await place(where).press(key); },
  async fill({ value, ...where }) { await place(where).fill(value); },
  async choose({ value, ...where }) { await place(where).selectOption(value); },
  async wait({ state = "visible", within = WITHIN, ...where }) { await place(where).waitFor({ state, timeout: within }); },
  async text(where) { return place(where).innerText(); },
  async js({ expression }) { return page.evaluate(expression); },
  // Asked from here: the page's security policy forbids the polling that is built in.
  async until({ expression, within = WITHIN }) {
    for (const end = Date.now() + within; !(await page.evaluate(expression)); ) {
      if (Date.now() > end) throw new Error(`not within ${within} ms`);
      await page.waitForTimeout(50);
    }
  },
  async size({ width, height }) { await page.setViewportSize({ width, height }); },
  async scheme({ scheme }) { await page.emulateMedia({ colorScheme: scheme }); },
  async reload() { await page.reload(); },
  async save({ path, ...where }) {
    const [file] = await Promise.all([page.waitForEvent("download"), place(where).click()]);
    await file.saveAs(path);
    return file.suggestedFilename();
  },
  async upload({ path, ...where }) { await place(where).setInputFiles(path); },
  async shot({ path }) {
    await page.mouse.move(0, 0);
    await page.screenshot({ path, animations: "disabled", caret: "hide" });
  },
  async troubles() { return troubles; },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](given)) ?? null };
  } catch (error) {
    const shown = page ? await page.evaluate(() => document.body.innerText).catch(() => "") : "";
    answer = { error: `${name} ${JSON.stringify(given)}: ${error.message}`, shown };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
