// Opens a report as people will: on a desk and on a phone, light and dark, with and without scripts.
// Fails on any console message, any request beyond the file itself, sideways scrolling, a picture without a
// text equivalent, or a page that looks the same in light and dark.
// Usage: node report.mjs CHROMIUM REPORT [FOLDER for screenshots]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [chromium, report, pictures] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'evenhand-browser-'));
const page = pathToFileURL(report).href;
const problems = [];

// The browser speaks JSON over two pipes, one message before each NUL.
const browser = spawn(chromium, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
  `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true });
const [, , , commands, answers] = browser.stdio;
commands.on('error', () => {});

let last = 0;
const waiting = new Map();
const listeners = new Set();
let rest = '';
answers.setEncoding('utf8');
answers.on('data', (chunk) => {
  const parts = (rest + chunk).split('\0');
  rest = parts.pop();
  for (const part of parts) {
    const message = JSON.parse(part);
    const answer = waiting.get(message.id);
    if (!answer) { for (const listen of listeners) listen(message); continue; }
    waiting.delete(message.id);
    if (message.error) answer.reject(new Error(message.error.message)); else answer.resolve(message.result);
  }
});

function ask(method, params = {}, sessionId) {
  const id = ++last;
  commands.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function limit(promise, what) {
  return Promise.race([promise, new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what}: no answer within 60 s`)), 60_000).unref();
  })]);
}

// What the page says of itself once it is drawn.
const SURVEY = `JSON.stringify({
  width: innerWidth,
  needed: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
  wide: [...document.querySelectorAll('body *')].filter((e) => {
    const r = e.getBoundingClientRect();
    if (!r.width || r.right <= innerWidth + 1) return false;
    for (let p = e.parentElement; p; p = p.parentElement)
      if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) return false;
    return true;
  }).slice(0, 3).map((e) => e.tagName + '.' + (e.getAttribute('class') || '')),
  pictures: document.querySelectorAll('svg[role=img]').length,
  mute: [...document.querySelectorAll('svg[role=img]')].filter((s) => !s.querySelector('title') || !s.querySelector('desc')).length,
  words: document.body.innerText.split(/\\s+/).length,
  background: getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor,
  title: document.title,
})`;

async function look(width, scheme, scripts) {
  const where = `${width} px, ${scheme}${scripts ? '' : ', no scripts'}`;
  const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
  const tell = (method, params) => limit(ask(method, params, sessionId), `${where}: ${method}`);
  let loaded;
  const done = new Promise((resolve) => { loaded = resolve; });
  const listen = (message) => {
    if (message.sessionId !== sessionId) return;
    const { method, params } = message;
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Runtime.consoleAPICalled') problems.push(`${where}: console: ${JSON.stringify(params.args)}`);
    if (method === 'Runtime.exceptionThrown') problems.push(`${where}: exception: ${params.exceptionDetails.text}`);
    if (method === 'Log.entryAdded') problems.push(`${where}: log: ${params.entry.text}`);
    if (method === 'Network.requestWillBeSent') {
      const url = params.request.url;
      if (url !== page && !url.startsWith('data:')) problems.push(`${where}: request to ${url}`);
    }
  };
  listeners.add(listen);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await tell(`${domain}.enable`);
  await tell('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
  await tell('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  if (!scripts) await tell('Emulation.setScriptExecutionDisabled', { value: true });
  await tell('Page.navigate', { url: page });
  await limit(done, `${where}: load`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { result } = await tell('Runtime.evaluate', { expression: SURVEY });
  const found = JSON.parse(result.value);
  if (found.needed > found.width) problems.push(`${where}: needs ${found.needed} px: ${found.wide.join(', ')}`);
  if (found.mute) problems.push(`${where}: ${found.mute} picture(s) without title or description`);
  if (!found.pictures) problems.push(`${where}: no picture`);
  if (found.words < 500) problems.push(`${where}: only ${found.words} words`);
  if (!found.title) problems.push(`${where}: no title`);
  if (pictures) {
    const { data } = await tell('Page.captureScreenshot', { captureBeyondViewport: false });
    writeFileSync(join(pictures, `report-${width}-${scheme}${scripts ? '' : '-plain'}.png`), data, 'base64');
  }
  listeners.delete(listen);
  await ask('Target.closeTarget', { targetId });
  console.log(`${where}: ${found.pictures} pictures, ${found.words} words, ${found.needed} px needed`);
  return found.background;
}

try {
  for (const width of [1280, 390, 320]) {
    const light = await look(width, 'light', true);
    const dark = await look(width, 'dark', true);
    if (light === dark) problems.push(`${width} px: light and dark have the same background`);
  }
  await look(390, 'light', false);
} catch (error) {
  problems.push(String(error));
} finally {
  // Its helpers write to the folder until they have ended too: a group of their own goes at once.
  try { process.kill(-browser.pid, 'SIGKILL'); } catch { browser.kill('SIGKILL'); }
  await new Promise((resolve) => { browser.once('exit', resolve); setTimeout(resolve, 2000).unref(); });
  try {
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  } catch (error) {
    // What stays in the folder for scratch files says nothing about the report.
    console.log(`left behind: ${profile} (${error.code})`);
  }
}
for (const problem of problems) console.error(`problem: ${problem}`);
console.log(problems.length ? `${problems.length} problem(s)` : 'the report holds up');
process.exitCode = problems.length ? 1 : 0;
