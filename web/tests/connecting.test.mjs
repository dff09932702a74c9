// From nothing to calendars in step, and out again: what a business does in its first minutes.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ANN, api, arrives, atGoogle, atMicrosoft, CALENDAR, choose, connect, DAY, demo, google, microsoft, OLIVIA, person, signIn, want } from './harness.mjs'

let world
let olivia
before(async () => {
  world = await demo()
  olivia = await person(world)
})
after(async () => {
  await olivia?.leave()
  await world?.stop()
})

test('a wrong password is said, and what was typed stays', async () => {
  const { page, to } = olivia
  await to('/')
  await page.getByLabel('E-mail address').fill(OLIVIA)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('E-mail address or password are wrong.').waitFor()
  assert.equal(await page.getByLabel('E-mail address').inputValue(), OLIVIA)
})

test('signing in shows what is in step', async () => {
  await signIn(olivia, world, OLIVIA)
  await olivia.page.getByRole('heading', { name: 'Sync status' }).waitFor()
  await olivia.page.getByText('Everything is in step.').waitFor()
})

test('Google is connected by consent', async () => {
  await google(world, 'POST', '', {
    summary: 'From Google',
    start: { dateTime: `${DAY}T11:00:00`, timeZone: 'Europe/Berlin' },
    end: { dateTime: `${DAY}T12:00:00`, timeZone: 'Europe/Berlin' },
  })
  await connect(olivia, world, 'google')
})

/** All that linking could leave behind. */
const state = async () => [await api(world, 'GET', '/api/calendar/links/'), await api(world, 'GET', '/api/calendar/calendars/')]
const ids = async () => (await state()).flatMap(({ links, calendars }) => (links ?? calendars).map(({ id }) => id))

test('a preview says what the first sync would do and into which calendar, and nothing is done', async () => {
  const { page } = olivia
  const before = await ids()
  await want(olivia, world, 'google')
  await page.getByRole('button', { name: 'Preview' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('From Google').waitFor()
  await dialog.getByText(`into a new calendar, “${ANN.google}”`).waitFor()
  await dialog.getByText('Nothing has been written yet, and nobody gets a mail.').waitFor()
  assert.deepEqual(await ids(), before)
  await dialog.getByRole('button', { name: 'Not now' }).click()
  await dialog.waitFor({ state: 'detached' })
  // What is wished for stays; who leaves the page in the middle leaves nothing behind either.
  await page.getByRole('button', { name: 'Preview' }).click()
  await dialog.getByText('From Google').waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
  assert.deepEqual(await ids(), before)
})

test('a preview that is cut off says so, and the next one goes on', async () => {
  const { page } = olivia
  const before = await ids()
  await want(olivia, world, 'google')
  const asked = '**/api/calendar/links/preview/'
  await page.route(asked, (route) => route.abort())
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor()
  await page.unroute(asked)
  await page.getByRole('button', { name: 'Preview' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('From Google').waitFor()
  await dialog.getByRole('button', { name: 'Not now' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.deepEqual(await ids(), before)
})

test('where there is a calendar of that name into which others flow, the page says how the new one is called, and it is', async () => {
  const { page, to } = olivia
  const { calendars } = await api(world, 'GET', '/api/calendar/calendars/')
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const practice = calendars.find((one) => one.id === links[0].calendar_id)
  const at = page.url()
  await page.route('**/api/calendar/connections/*/calendars/', async (route) => {
    const answer = await (await route.fetch()).json()
    answer.calendars.find((one) => one.id === ANN.google).name = practice.name
    await route.fulfill({ json: answer })
  })
  await to(new URL(at).pathname)
  await page.getByLabel(`Direction: ${practice.name}`, { exact: true }).selectOption('two_way')
  const into = page.getByLabel(/^Into/)
  assert.equal(await into.evaluate((one) => one.selectedOptions[0].textContent), `a new calendar “${practice.name} 2”`)
  assert.ok((await into.locator('option').allTextContents()).includes(practice.name), 'the one that is there can be chosen')
  await page.unroute('**/api/calendar/connections/*/calendars/')
  await to(new URL(at).pathname)
})

test('what was chosen is kept in step', async () => {
  await choose(olivia, world, 'google')
})

test('Microsoft is connected too, into the same calendar', async () => {
  const links = (await api(world, 'GET', '/api/calendar/links/')).links
  const hub = (await api(world, 'GET', '/api/calendar/calendars/')).calendars
  const own = hub.find((one) => links.some((link) => link.calendar_id === one.id && link.remote_calendar_id === ANN.google))
  await connect(olivia, world, 'microsoft')
  await choose(olivia, world, 'microsoft', own.name)
  await atMicrosoft(world, 'From Google')
})

test('an event made in the app is at both', async () => {
  const { page, to } = olivia
  await to(CALENDAR)
  await page.getByText('From Google').first().waitFor()
  await page.getByRole('button', { name: 'New event' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Title').fill('Made in the app')
  const calendar = dialog.getByLabel('Calendar')
  const names = await calendar.locator('option').allTextContents()
  await calendar.selectOption(names.find((name) => name !== 'Practice'))
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const there = await atGoogle(world, 'Made in the app')
  assert.equal(there.start.timeZone, 'Europe/Berlin')
  await atMicrosoft(world, 'Made in the app')
})

test('an edit in the app is seen at Google, and an edit at Google in the app without a reload', async () => {
  const { page } = olivia
  await page.getByText('Made in the app').first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Title').fill('Edited in the app')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const there = await atGoogle(world, 'Edited in the app')
  await page.evaluate(() => (window.notReloaded = true))
  await google(world, 'PATCH', `/${there.id}`, { summary: 'Edited at Google' })
  await page.getByText('Edited at Google').first().waitFor()
  assert.equal(await page.evaluate(() => window.notReloaded), true)
})

test('an event deleted at Microsoft leaves the app without a reload', async () => {
  const { page } = olivia
  const { id } = await atMicrosoft(world, 'Edited at Google')
  await microsoft(world, 'DELETE', `/events/${id}`)
  await page.getByText('Edited at Google').first().waitFor({ state: 'detached' })
})

test('disconnecting says what it does, and asks for a word only where something is removed', async () => {
  const { page, to } = olivia
  await to('/')
  const account = page.getByRole('region', { name: ANN.microsoft })
  await account.getByRole('button', { name: 'Disconnect' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('1 calendar is no longer kept in step.').waitFor()
  const go = dialog.getByRole('button', { name: 'Disconnect' })
  assert.equal(await go.isEnabled(), true)
  await dialog.getByLabel(/^Remove the \d+ events? that Kalends wrote/).check()
  assert.equal(await go.isEnabled(), false)
  await dialog.getByLabel('Type remove to confirm the removal').fill('remove')
  await go.click()
  await account.waitFor({ state: 'detached' })
  await arrives('the copies are gone', async () => {
    const there = (await microsoft(world, 'GET', '/events?$top=100')).value
    return !there.some((event) => event.subject === 'From Google')
  })
})

test('signing out leaves nothing on the screen', async () => {
  const { page } = olivia
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.getByRole('region').count(), 0)
})
