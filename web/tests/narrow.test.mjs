// On a phone: nothing is wider than the screen, however long what people call things; the menu goes when it has done its work.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { api, arrives, CALENDAR, DAY, demo, OLIVIA, person, ROOT, signIn } from './harness.mjs'

const LONG = 'W'.repeat(200)
/** What people write. */
const NAMED = ['name', 'tenant_name', 'title', 'email', 'actor', 'action', 'object', 'problem', 'provider']

let world
let event
let account
before(async () => {
  world = await demo()
  account = (await api(world, 'GET', '/api/calendar/list/')).calendars[0].id
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const made = { title: 'Consultation', start: `${DAY}T10:00:00`, timeZone: 'Europe/Berlin', duration: 'PT1H' }
  event = (await api(world, 'POST', `/api/calendar/calendars/${links[0].calendar_id}/events/`, made)).id
  await api(world, 'POST', '/api/tokens/', { name: 'Reports', tenant: 'demo' }).catch(() => {})
})
after(() => world?.stop())

function lengthened(value, key) {
  if (Array.isArray(value)) return value.map((one) => lengthened(one))
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, lengthened(inner, name)]))
  return NAMED.includes(key) && typeof value === 'string' ? value + LONG : value
}

/** Everything has a long name, in whatever the server answers. */
const lengthen = (page) =>
  page.route(/\/api\/(?!calendar\/stream)/, async (route) => {
    if (route.request().method() !== 'GET') return route.continue()
    const answer = await route.fetch()
    const body = await answer.json().catch(() => null)
    return body ? route.fulfill({ response: answer, json: lengthened(body) }) : route.fulfill({ response: answer })
  })

const tooWide = (page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth
    if (wide <= innerWidth) return null
    const outside = [...document.querySelectorAll('#content *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
    return `${wide} px at ${innerWidth}: ${outside.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(' | ')}`
  })

for (const [who, paths] of [
  [OLIVIA, () => ['/', '/connect', '/connect?with=icloud', `/accounts/${account}`, CALENDAR, `/events/${event}`, '/conflicts', '/members', '/tokens', '/audit']],
  [ROOT, () => ['/platform', '/platform/health', '/platform/plans', '/platform/audit']],
]) {
  test(`long names make no page too wide: ${who}`, async () => {
    const somebody = await person(world)
    const { page, to } = somebody
    await signIn(somebody, world, who)
    await lengthen(page)
    const found = []
    for (const path of paths()) {
      await to(path)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await arrives('what is on the page', async () => (await page.locator('main [aria-busy=true]').count()) === 0)
      await page.getByText(/W{150}/).first().waitFor({ state: 'attached' })
      for (const width of [390, 820, 1440]) {
        await page.setViewportSize({ width, height: 900 })
        const wrong = await tooWide(page)
        if (wrong) found.push(`${path}: ${wrong}`)
      }
    }
    assert.deepEqual(found, [])
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await somebody.leave()
  })
}

test('the menu of the phone closes when another business is chosen', async () => {
  const olivia = await person(world, { viewport: { width: 390, height: 844 } })
  const { page, to } = olivia
  await signIn(olivia, world, OLIVIA)
  await page.route('**/api/session/', async (route) => {
    const answer = await route.fetch()
    const body = await answer.json()
    await route.fulfill({ response: answer, json: { ...body, tenants: [...body.tenants, { slug: 'second', name: 'Second', role: 'owner' }] } })
  })
  await to('/')
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByLabel('Business').selectOption('second')
  await page.getByLabel('Business').waitFor({ state: 'hidden' })
  assert.equal(await page.getByRole('button', { name: 'Menu' }).getAttribute('aria-expanded'), 'false')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await olivia.leave()
})
