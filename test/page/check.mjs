// Checks the status page in a browser, and takes pictures of it.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import assert from 'node:assert/strict'
import {
  alone, eventually, hostile, many, mutate, stop, stopAll, text, threeOfWhichOneDiffers, underAttack,
} from './cluster.mjs'

const require = createRequire(process.cwd() + '/build/page/')
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const schemes = {
  light: { colorScheme: 'light', viewport: { width: 1200, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1200, height: 900 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  'phone-dark': { colorScheme: 'dark', viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 },
}

let passed = 0
let failed = 0

async function check(name, run) {
  try {
    await run()
    passed++
    console.log(`  ok    ${name}`)
  } catch (error) {
    failed++
    console.log(`  FAIL  ${name}\n${error.stack}`)
  }
}

// A page whose every request and message is kept.
async function open(browser, coppice, options) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.requests = []
  page.messages = []
  page.on('request', request => page.requests.push(request.url()))
  page.on('console', message => page.messages.push(message.text()))
  page.on('pageerror', error => page.messages.push(String(error)))
  await page.goto(coppice.url)
  return page
}

// axe comes in by the browser's debugger, which the page's policy does not bind.
async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  assert.ok(found.passes.length > 10)
  return found.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html).join(' ')}`)
}

async function checkLooks(browser, coppice, name) {
  for (const [scheme, options] of Object.entries(schemes)) {
    await check(`${name}, ${scheme}: axe finds nothing`, async () => {
      const page = await open(browser, coppice, { ...options, bypassCSP: true })
      assert.deepEqual(await violations(page), [])
      await page.screenshot({ path: `build/page/${name}-${scheme}.png`, fullPage: true })
      const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
      assert.ok(wide <= seen, `${wide} px wide in ${seen}`)
      await page.context().close()
    })
  }
}

async function checkHostile(browser, c) {
  await check('what is hostile is text', async () => {
    const page = await open(browser, c, schemes.light)
    const shown = await page.locator('main').innerText()
    const parts = shown.replaceAll('\\', '').split(hostile)
    assert.equal(parts.length, 5, shown) // a replica's name, group and value, and a peer
    assert.equal(await page.evaluate(() => window.pwned), undefined)
    assert.equal(await page.locator('main img, main script').count(), 0)
    await page.context().close()
  })
  await check('and would do nothing if it were not', async () => {
    const page = await open(browser, c, schemes.light)
    await page.evaluate(bad => {
      document.querySelector('main').innerHTML = bad
      const script = document.createElement('script')
      script.textContent = 'pwned = 1'
      document.body.append(script)
    }, hostile)
    await eventually('the policy is told of', () => page.messages.length >= 3)
    assert.ok(page.messages.every(m => m.includes('Content Security Policy')), page.messages)
    assert.equal(await page.evaluate(() => window.pwned), undefined)
    await page.context().close()
  })
}

async function checkUse(browser, c1) {
  await check('it loads nothing but itself, without a complaint', async () => {
    const page = await open(browser, c1, schemes.light)
    assert.ok(page.requests.every(url => url === c1.url || url.startsWith('data:')), page.requests)
    assert.deepEqual(page.messages, [])
    await page.context().close()
  })
  await check('it is readable without JavaScript', async () => {
    const page = await open(browser, c1, { ...schemes.light, javaScriptEnabled: false })
    assert.match(await page.locator('main').innerText(), /page_views[\s\S]*1204/)
    assert.match(await page.locator('header').innerText(), /Reload the page/)
    assert.equal(await page.locator('#pause').isVisible(), false)
    await page.context().close()
  })
  await check('it keeps itself up to date, and can be paused by keyboard', async () => {
    const page = await open(browser, c1, schemes.light)
    mutate(c1, 'page_views', 'increment', '96')
    await page.getByText('1300').waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'pause')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('#pause').innerText(), 'Resume')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.className), 'wide')
    await page.context().close()
  })
  await check('it says when the node does not answer', async () => {
    const page = await open(browser, c1, schemes.light)
    await stop(c1)
    await page.getByText('does not answer any more').waitFor()
    await page.context().close()
  })
}

async function checkMetrics(c1) {
  if (spawnSync('promtool', ['--version']).error) {
    console.log('  skip  promtool finds nothing in the metrics: there is no promtool')
    return
  }
  await check('promtool finds nothing in the metrics', async () => {
    const input = await text(c1, 'metrics')
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
    assert.equal(stdout + stderr, '')
    assert.equal(status, 0)
  })
}

async function main() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
  try {
    const { c1 } = await threeOfWhichOneDiffers()
    await eventually('one differs, one agrees', async () => {
      const html = await text(c1)
      return /c3@127.0.0.1: 1 of 2 differs/.test(html) && /c2@127.0.0.1: 2 replicas agree/.test(html)
    })
    await checkLooks(browser, c1, 'three')
    const hub = await many()
    await eventually('all agree', async () => (await text(hub)).match(/: 1 replica agrees/g)?.length === 5)
    await checkLooks(browser, hub, 'many')
    await checkLooks(browser, await alone(), 'alone')
    await checkHostile(browser, await underAttack())
    await checkMetrics(c1)
    await checkUse(browser, c1)
  } finally {
    await browser.close()
    await stopAll()
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

await main()
