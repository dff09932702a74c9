// A demo of its own on free ports, a browser, and the people who use both.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

export const PROGRAM = process.env.KALENDS ?? new URL('../../target/debug/kalends', import.meta.url).pathname
const CHROMIUM = process.env.KALENDS_CHROMIUM ?? '/usr/bin/chromium'

/** How long anything may take to appear: far more than it takes, for machines that do other things meanwhile. */
export const PATIENCE_MS = Number(process.env.KALENDS_PATIENCE_MS ?? 60_000)
const LOOK_EVERY_MS = 250

export const OLIVIA = 'olivia@demo.example'
export const RITA = 'rita@rival.example'
export const ROOT = 'root@kalends.example'
export const ANN = { google: 'ann@example.com', microsoft: 'ann@contoso.example' }

/** Chromium without a window and with nobody's data: each has a folder of its own, which goes with it. */
export const openBrowser = () =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })

/** The day on which the tests' events are, whenever they run: one that was today when they began. */
export const DAY = new Date().toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })

/** The calendar's page with that day on it, should midnight have passed since. */
export const CALENDAR = `/calendar?on=${DAY}`

/** Everything that `kalends demo` starts, until the end of the test file. */
export async function demo() {
  const child = spawn(PROGRAM, ['demo', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const lines = createInterface({ input: child.stdout })
  const told = await new Promise((done, failed) => {
    lines.once('line', (line) => done(JSON.parse(line)))
    child.once('exit', (code) => failed(new Error(`kalends demo ended with ${code}: ${said}`)))
    child.once('error', failed)
  })
  const browser = await openBrowser()
  return {
    told,
    browser,
    stop: async () => {
      await browser.close()
      const gone = new Promise((done) => child.once('exit', done))
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** A person at a browser of their own. What the page complains about to its console fails the test in which it is closed. */
export async function person({ browser, told }, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // The browser's own word of an answer such as 401; what the app makes of it is what the tests look at.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  return {
    page,
    context,
    /** Goes to a page of the app; what was typed into the one before may be left. */
    to: (path) => page.goto(told.api + path),
    leave: async () => {
      await context.close()
      assert.deepEqual(complaints, [])
    },
  }
}

/** Signs in as a person would. */
export async function signIn({ page, to }, { told }, email) {
  await to('/')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password').fill(told.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign out', includeHidden: true }).waitFor({ state: 'attached' })
}

/** From the page of accounts through the provider's consent page, to the choice of calendars. */
export async function connect({ page, to }, world, vendor) {
  await to('/connect')
  await page.getByRole('button', { name: vendor === 'google' ? 'Google Calendar' : 'Microsoft 365' }).click()
  await allow(page, world, vendor)
  await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
}

/** Allows on the sandbox's consent page, as Ann. */
export async function allow(page, { told }, vendor) {
  const { email, password } = told.sandbox[vendor].users.find((user) => user.email === ANN[vendor])
  await page.locator(`input[name=account][value="${email}"]`).check()
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[name=decision][value=allow]').click()
}

/** One request with a token; its answer. */
export async function ask(method, url, token, body) {
  const headers = { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }
  const response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`)
  return text ? JSON.parse(text) : null
}

/** The API, as the demo's owner. */
export const api = ({ told }, method, path, body) => ask(method, told.api + path, told.tenants.demo.owner_token, body)

/** Ann's main calendar at Google, as Google's own pages would change it. */
export function google({ told }, method, path = '', body = undefined) {
  const { base, users } = told.sandbox.google
  const token = users.find((user) => user.email === ANN.google).access_token
  return ask(method, `${base}/calendar/v3/calendars/primary/events${path}`, token, body)
}

/** Ann's mailbox at Microsoft. */
export function microsoft({ told }, method, path, body = undefined) {
  const { base, users } = told.sandbox.microsoft
  const token = users.find((user) => user.email === ANN.microsoft).access_token
  return ask(method, `${base}/v1.0/me${path}`, token, body)
}

/** The sandbox's operator's doors. */
export const operator = ({ told }, method, path, body) => ask(method, new URL(`_sandbox${path}`, told.sandbox.caldav.base).href, null, body)

/** Waits until something is so, and gives what it is. */
export async function arrives(what, look) {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`it never came: ${what}`)
    await new Promise((later) => setTimeout(later, LOOK_EVERY_MS))
  }
}

/** The event of this title at Google, when it is there. */
export const atGoogle = (world, title) =>
  arrives(`“${title}” at Google`, async () => (await google(world, 'GET')).items.find((event) => event.summary === title))

/** The event of this title at Microsoft, when it is there. */
export const atMicrosoft = (world, title) =>
  arrives(`“${title}” at Microsoft`, async () => (await microsoft(world, 'GET', '/events?$top=100')).value.find((event) => event.subject === title))

/** Says, in the choice of calendars, that Ann's main one of a provider be kept in step both ways. */
export async function want({ page }, world, vendor) {
  const id = new URL(page.url()).pathname.split('/').pop()
  const { calendars } = await api(world, 'GET', `/api/calendar/connections/${id}/calendars/`)
  const main = vendor === 'google' ? calendars.find((one) => one.id === ANN.google) : calendars.find((one) => one.name === 'Calendar')
  await page.getByLabel(`Direction: ${main.name}`, { exact: true }).selectOption('two_way')
}

/** Links Ann's main calendar of a provider, both ways, from the choice of calendars. */
export async function choose({ page }, world, vendor, into = undefined) {
  await want({ page }, world, vendor)
  if (into) await page.getByLabel(/^Into/).selectOption({ label: into })
  await page.getByRole('button', { name: 'Keep 1 calendar in step' }).click()
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  const account = page.getByRole('region', { name: ANN[vendor] })
  await account.getByText('In step', { exact: true }).waitFor()
}
