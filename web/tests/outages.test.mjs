// A server that is slow, gone, back again, or has forgotten who one is: nothing that was typed is lost, nothing is done twice.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { arrives, CALENDAR, DAY, OLIVIA, openBrowser, person, signIn } from './harness.mjs'
import { installation } from './installation.mjs'
import { road } from './road.mjs'

/** Longer than the page waits before it says that it takes long. */
const SLOW_MS = 6_000

let server
let way
let browser
let olivia
before(async () => {
  server = await installation()
  way = await road(server.address)
  const told = { ...server.told, api: way.address }
  browser = await openBrowser()
  olivia = await person({ browser, told })
  await signIn(olivia, { told }, OLIVIA)
})
after(async () => {
  await olivia?.leave()
  await browser?.close()
  way?.end()
  await server?.end()
})
afterEach(() => way.clear())

const dialog = () => olivia.page.getByRole('dialog')
const title = () => dialog().getByLabel('Title')
const save = () => dialog().getByRole('button', { name: 'Save' })
const lost = () => olivia.page.getByText('No connection to the server.')

/** Opens the form of a new event and types into it. */
async function begin(text) {
  await olivia.to(CALENDAR)
  await olivia.page.getByRole('button', { name: 'New event' }).click()
  await title().fill(text)
  await dialog().getByLabel('Start', { exact: true }).fill(`${DAY}T09:00`)
  await dialog().getByLabel('End', { exact: true }).fill(`${DAY}T10:00`)
  await dialog().getByLabel('Description').fill('Bring the X-rays.')
}

/** What of this title is in the calendar. */
async function written(text) {
  const window = `from=${DAY}T00:00:00Z&to=${DAY}T23:59:59Z&expand=true`
  const { occurrences } = await server.api('GET', `/api/calendar/calendars/${server.calendar}/events/?${window}`)
  return occurrences.filter((one) => one.title === text)
}

/** The attempts to make an event that came by, since so many. */
const attempts = (since = 0) => way.told.filter(({ method, path }) => method === 'POST' && path.endsWith('/events/')).slice(since)

test('the server is killed under an open form: the text stays, the page says so and heals, saving works once', async () => {
  await begin('After the crash')
  await server.kill()
  await save().click()
  await dialog().getByRole('alert').getByText('The server cannot be reached.').waitFor()
  await lost().waitFor()
  assert.equal(await title().inputValue(), 'After the crash')
  assert.equal(await dialog().getByLabel('Description').inputValue(), 'Bring the X-rays.')
  await server.start()
  await lost().waitFor({ state: 'detached' })
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  await olivia.page.getByText('After the crash').first().waitFor()
  assert.equal((await written('After the crash')).length, 1)
})

test('the stream is taken up again: what others do is seen without a reload', async () => {
  await olivia.to(CALENDAR)
  await olivia.page.getByRole('button', { name: 'New event' }).waitFor()
  await olivia.page.evaluate(() => (window.notReloaded = true))
  way.close()
  await lost().waitFor()
  way.open()
  await lost().waitFor({ state: 'detached' })
  const event = { title: 'By a colleague', start: `${DAY}T14:00:00`, duration: 'PT1H', timeZone: 'Europe/Berlin' }
  await server.api('POST', `/api/calendar/calendars/${server.calendar}/events/`, event)
  await olivia.page.getByText('By a colleague').first().waitFor()
  assert.equal(await olivia.page.evaluate(() => window.notReloaded), true)
})

test('a stream that says nothing for a minute is taken for lost, and asked for again', async () => {
  const page = await olivia.context.newPage()
  await page.clock.install()
  way.rule({ path: /\/stream\//, how: 'swallow' })
  const asked = () => way.told.filter(({ path, how }) => path.includes('/stream/') && how === 'swallow').length
  const before = asked()
  await page.goto(way.address + CALENDAR)
  await arrives('the stream is asked for', () => asked() === before + 1)
  // The clock of the page alone: what it waits for is a minute, and then a moment.
  await page.clock.fastForward(61_000)
  await page.clock.fastForward(2_000)
  await arrives('it is asked for again', () => asked() > before + 1)
  await page.close()
})

test('the answer is lost after the event was made: saving again makes no second one', async () => {
  await begin('Made unheard')
  const before = attempts().length
  way.rule({ method: 'POST', path: /\/events\/$/, how: 'lose' })
  await save().click()
  await dialog().getByRole('alert').getByText('The server cannot be reached.').waitFor()
  assert.equal((await written('Made unheard')).length, 1)
  way.clear()
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await written('Made unheard')).length, 1)
  assert.ok(attempts(before).length > 1)
  assert.equal(new Set(attempts(before).map(({ key }) => key)).size, 1)
})

test('and neither does saving again after a reload', async () => {
  const { page } = olivia
  page.once('dialog', (question) => question.accept())
  await begin('Made before the reload')
  way.rule({ method: 'POST', path: /\/events\/$/, how: 'lose' })
  await save().click()
  await dialog().getByRole('alert').waitFor()
  way.clear()
  await page.reload()
  await page.getByText('“Made before the reload” has not been saved yet.').waitFor()
  await page.getByRole('button', { name: 'Continue' }).click()
  assert.equal(await dialog().getByLabel('Description').inputValue(), 'Bring the X-rays.')
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await written('Made before the reload')).length, 1)
  assert.equal(await page.getByText('has not been saved yet').count(), 0)
})

test('something before the server answers 503: it is said, and saving again works', async () => {
  await begin('Behind a gateway')
  way.rule({ method: 'POST', path: /\/events\/$/, how: 'answer', status: 503 })
  await save().click()
  await dialog().getByRole('alert').getByText('The server cannot be reached.').waitFor()
  assert.equal(await title().inputValue(), 'Behind a gateway')
  way.clear()
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await written('Behind a gateway')).length, 1)
})

test('a slow answer: the page says that it waits, and a second click does nothing', async () => {
  await begin('Slowly made')
  way.rule({ method: 'POST', path: /\/events\/$/, how: 'slow', ms: SLOW_MS })
  const before = attempts().length
  // Both before the page could draw anything.
  await save().evaluate((button) => (button.click(), button.click()))
  await dialog().getByText('One moment …').waitFor()
  assert.equal(await save().isDisabled(), true)
  await dialog().getByText('The server takes longer than usual.').waitFor()
  assert.equal(await title().inputValue(), 'Slowly made')
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await written('Slowly made')).length, 1)
  assert.equal(attempts(before).length, 1)
})

test('a token whose answer was lost: one is made, and the page says what to do', async () => {
  const { page, to } = olivia
  await to('/tokens')
  await page.getByLabel('What it is for').fill('Reports')
  way.rule({ method: 'POST', path: /\/tokens\//, how: 'lose', times: 1 })
  await page.getByRole('button', { name: 'Make a token' }).evaluate((button) => (button.click(), button.click()))
  await page.getByRole('alert').getByText('It was made, but what is shown only once got lost on the way.').waitFor()
  assert.equal(await page.getByLabel('What it is for').inputValue(), 'Reports')
  assert.equal(await page.getByRole('listitem').filter({ hasText: 'Reports' }).count(), 1)
})

test('the session ended meanwhile: one signs in over the page, and the form is as it was', async () => {
  const { page, context } = olivia
  await begin('Typed for an hour')
  await context.clearCookies()
  await save().click()
  const again = page.getByRole('dialog', { name: 'Please sign in again' })
  await again.getByLabel('Password').fill('not the password')
  await again.getByRole('button', { name: 'Sign in', exact: true }).click()
  await again.getByRole('alert').getByText('E-mail address or password are wrong.').waitFor()
  await page.keyboard.press('Escape')
  await again.getByLabel('Password').fill(server.told.password)
  await again.getByRole('button', { name: 'Sign in', exact: true }).click()
  await again.waitFor({ state: 'detached' })
  assert.equal(await title().inputValue(), 'Typed for an hour')
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await written('Typed for an hour')).length, 1)
})

test('a form that was closed by mistake is offered again, until it is discarded', async () => {
  const { page, to } = olivia
  await begin('Closed by mistake')
  await page.keyboard.press('Escape')
  const kept = page.getByText('“Closed by mistake” has not been saved yet.')
  await kept.waitFor()
  await to('/')
  await to(CALENDAR)
  await page.getByRole('button', { name: 'Continue' }).click()
  assert.equal(await title().inputValue(), 'Closed by mistake')
  await dialog().getByRole('button', { name: 'Discard' }).click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal(await kept.count(), 0)
  assert.equal((await written('Closed by mistake')).length, 0)
})

test('closing the window with an unsaved form asks first', async () => {
  const { page } = olivia
  await begin('Nearly lost')
  const asked = new Promise((done) => page.once('dialog', (question) => question.accept().then(() => done(question.type()))))
  await olivia.to('/')
  assert.equal(await asked, 'beforeunload')
  await olivia.to(CALENDAR)
  await page.getByRole('button', { name: 'Discard' }).click()
})

test('somebody else changed the event meanwhile: both are kept, each in its own field', async () => {
  const { page, to } = olivia
  const event = { title: 'Ours and theirs', start: `${DAY}T16:00:00`, duration: 'PT1H', timeZone: 'Europe/Berlin' }
  const made = await server.api('POST', `/api/calendar/calendars/${server.calendar}/events/`, event)
  await to(CALENDAR)
  await page.getByText('Ours and theirs').first().click()
  await dialog().getByLabel('Place').fill('Room 2')
  await server.api('PATCH', `/api/calendar/events/${made.id}/`, { title: 'Theirs now' })
  await save().click()
  await dialog().getByRole('alert').getByText('Somebody else changed this event meanwhile.').waitFor()
  await dialog().getByRole('alert').getByText('Theirs now').waitFor()
  assert.equal(await dialog().getByLabel('Place').inputValue(), 'Room 2')
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  const found = await arrives('both changes', async () => (await written('Theirs now'))[0])
  assert.equal(found.location, 'Room 2')
})

test('a server that is away when the page is opened: it says so, and the page comes by itself', async () => {
  const { page, to } = olivia
  await to(CALENDAR)
  way.rule({ path: /^\/api\//, how: 'answer', status: 503 })
  await page.reload()
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor()
  way.clear()
  await page.getByRole('button', { name: 'New event' }).waitFor()
})

test('a server that is frozen: every page says after a while that it takes long', async () => {
  const { page, to } = olivia
  for (const path of ['/', CALENDAR, '/connect', '/conflicts', '/members', '/tokens', '/audit']) {
    way.clear()
    await to(path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    way.rule({ path: /\/api\/(?!session|calendar\/status)/, how: 'slow', ms: SLOW_MS })
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    if (path === '/connect') {
      await page.getByRole('button', { name: 'Google Calendar' }).click()
    }
    await page.getByText('The server takes longer than usual.').waitFor()
    if (path !== '/connect') await page.getByText('The server takes longer than usual.').waitFor({ state: 'detached' })
  }
})

test('after an outage every page comes by itself, and can be asked for as well', async () => {
  const { page, to } = olivia
  const shows = { '/': page.getByText('No account is connected yet.'), '/conflicts': page.getByText('No conflicts.'), '/members': page.getByLabel(/^Role of/), '/tokens': page.getByText('used').first(), '/audit': page.getByText('token.create').first() }
  for (const [path, there] of Object.entries(shows)) {
    way.rule({ path: /\/api\/(?!session|calendar\/status)/, how: 'refuse' })
    await to(path)
    await page.getByRole('alert').getByText('The server cannot be reached.').waitFor()
    await page.getByRole('button', { name: 'Try again' }).waitFor()
    way.clear()
    await there.waitFor()
    assert.equal(await page.getByRole('alert').count(), 0)
  }
})

test('and so does a page whose program could not be had', async () => {
  const { page, to } = olivia
  await to('/')
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  way.rule({ path: /\/app\//, how: 'refuse' }, { path: /\/api\//, how: 'refuse' })
  await page.getByRole('link', { name: 'Members' }).click()
  await page.getByRole('main').getByRole('alert').getByText('The server cannot be reached.').waitFor()
  way.clear()
  await page.getByRole('heading', { name: 'Members and roles' }).waitFor()
})
