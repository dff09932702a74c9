// Screens of Kalends inside the pages of a host product, and the whole service below a path of a host that it shares.

import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { after, before, test } from 'node:test'
import { allow, ANN, api, atGoogle, choose, demo, google, OLIVIA, person, signIn } from './harness.mjs'

const ACCENT = '#ffcc00'
const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 20"><rect width="80" height="20" fill="#333"/></svg>'

/** The pages of a host product: each shows what `?` names in a frame, and keeps what it is told. */
async function host() {
  const server = createServer((asked, answer) => {
    const url = new URL(asked.url, 'http://host')
    if (url.pathname === '/logo.svg') return answer.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(LOGO)
    answer.writeHead(200, { 'Content-Type': 'text/html' })
    answer.end(`<!doctype html><title>Booking</title><h1>Booking</h1>
      <iframe title="Calendars" width="900" height="800"></iframe>
      <script>
        window.told = []
        addEventListener('message', ({ data }) => data.source === 'kalends' && told.push(data))
        document.querySelector('iframe').src = decodeURIComponent(location.hash.slice(1))
      </script>`)
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }
}

let product
let stranger
let world
before(async () => {
  product = await host()
  stranger = await host()
  world = await demo(['--host', product.origin])
})
after(async () => {
  await world?.stop()
  product?.stop()
  stranger?.stop()
})

const newLink = (more = {}) => api(world, 'POST', '/api/embed-links/', { email: OLIVIA, accent: ACCENT, logo: `${product.origin}/logo.svg`, ...more })
const show = (page, origin, { url }) => page.goto(`${origin}/#${encodeURIComponent(url)}`)

test('an account is connected and kept in step from inside the host product, in its colours', async () => {
  const visitor = await person(world)
  const { page } = visitor
  await google(world, 'POST', '', { summary: 'Seen from inside', start: { date: '2030-05-01' }, end: { date: '2030-05-02' } })
  await show(page, product.origin, await newLink({ screen: 'connect', language: 'de', theme: 'light' }))
  const screen = page.frameLocator('iframe')
  const opened = page.waitForEvent('popup')
  await screen.getByRole('button', { name: 'Google Calendar' }).click()
  const consent = await opened
  await allow(consent, world, 'google')
  await screen.getByRole('heading', { name: 'Kalender wählen' }).waitFor()
  const frame = page.frames()[1]
  assert.equal(new URL(frame.url()).hash, '', 'the token left the address')
  await screen.getByLabel(`Richtung: ${ANN.google}`, { exact: true }).selectOption('two_way')
  await screen.getByRole('button', { name: /1 Kalender/ }).click()
  await screen.getByRole('region', { name: ANN.google }).getByText('Abgeglichen', { exact: true }).waitFor()
  await screen.locator('img[src$="logo.svg"]').waitFor()
  const accent = await frame.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent'))
  assert.match(accent, /^#[\da-f]{6}$/)
  assert.notEqual(accent, ACCENT, 'yellow on white is not readable')
  const told = await page.evaluate(() => window.told)
  assert.ok(told.some((one) => one.event === 'ready'))
  assert.ok(told.some((one) => one.event === 'connected' && one.credential_id))
  assert.ok(told.some((one) => one.event === 'height' && one.height > 0))
  await visitor.leave()
})

test('a link that was revoked opens nothing, and the host is told', async () => {
  const visitor = await person(world)
  const { page } = visitor
  const link = await newLink()
  await show(page, product.origin, link)
  const screen = page.frameLocator('iframe')
  await screen.getByRole('heading', { name: 'Sync status' }).waitFor()
  await api(world, 'DELETE', `/api/tokens/${link.token_id}/`)
  await page.reload()
  await screen.getByRole('heading', { name: 'This screen has expired' }).waitFor()
  await page.waitForFunction(() => window.told.some((one) => one.event === 'expired'))
  await visitor.leave()
})

test('a site that the operator does not list shows nothing', async () => {
  const visitor = await person(world)
  const { page } = visitor
  const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
  await show(page, stranger.origin, await newLink())
  await refused
  assert.equal(await page.frameLocator('iframe').getByRole('heading').count(), 0)
  await visitor.context.close()
})

test('below a path of a host that it shares, everything is found', async () => {
  const PREFIX = '/tools/kalends'
  let to = null
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith(PREFIX)) return answer.writeHead(404).end('somebody else’s')
    const { hostname, port } = new URL(to)
    const passed = request({ hostname, port, path: asked.url.slice(PREFIX.length) || '/', method: asked.method, headers: asked.headers }, (came) => {
      answer.writeHead(came.statusCode, came.headers)
      came.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done))
  const listen = await freePort()
  to = `http://127.0.0.1:${listen}`
  const below = await demo(['--listen', `127.0.0.1:${listen}`, '--public-url', `http://127.0.0.1:${proxy.address().port}${PREFIX}`])
  const olivia = await person(below)
  try {
    const { page, to: go } = olivia
    assert.ok(below.told.api.endsWith(PREFIX))
    await signIn(olivia, below, OLIVIA)
    await go('/connect')
    await page.getByRole('button', { name: 'Google Calendar' }).click()
    await allow(page, below, 'google')
    await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
    assert.ok(new URL(page.url()).pathname.startsWith(`${PREFIX}/accounts/`))
    await google(below, 'POST', '', { summary: 'By push', start: { date: '2030-05-01' }, end: { date: '2030-05-02' } })
    await choose(olivia, below, 'google')
    await atGoogle(below, 'By push')
    await page.getByRole('link', { name: 'Conflicts' }).click()
    await page.getByText('No conflicts.').waitFor()
    await page.reload()
    await page.getByText('No conflicts.').waitFor()
    await go('/api/docs/')
    await page.getByRole('heading', { name: /^Kalends API/ }).waitFor()
    assert.equal(await page.evaluate(() => [...document.styleSheets].length), 1)
  } finally {
    await olivia.leave()
    await below.stop()
    proxy.closeAllConnections()
    proxy.close()
  }
})

async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}
