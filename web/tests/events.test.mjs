// Events as people have them: of strange zones and of none, called off, deleted by mistake or by somebody else.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { arrives, CALENDAR, OLIVIA, openBrowser, person, signIn } from './harness.mjs'
import { installation } from './installation.mjs'

/** A Wednesday in winter, in a week of its own. */
const DAY = '2026-12-02'
const WEEK = `/calendar?on=${DAY}&view=week`
const ZONE = '/Customized Time Zone'
/** Longer than it takes from what changes to what is drawn. */
const STILL_MS = 2_500

let server
let world
let browser
let olivia
let page
/** When the page last looked what there is. */
let looked = 0
before(async () => {
  server = await installation()
  browser = await openBrowser()
  world = { browser, told: server.told }
  olivia = await person(world)
  page = olivia.page
  page.on('response', (answer) => answer.url().includes('expand=true') && (looked = Date.now()))
  await signIn(olivia, world, OLIVIA)
})
after(async () => {
  await olivia?.leave()
  await browser?.close()
  await server?.end()
})
/** Each test begins with an empty calendar. */
beforeEach(async () => {
  const { occurrences } = await server.api('GET', `/api/calendar/calendars/${server.calendar}/events/?expand=true&from=2026-11-20T00:00:00Z&to=2026-12-20T00:00:00Z`)
  for (const id of new Set(occurrences.map((one) => one.event_id))) await server.api('DELETE', `/api/calendar/events/${id}/`)
})

const dialog = () => page.getByRole('dialog')
const shown = (title) => page.locator('.days').getByRole('button', { name: title })
const value = (label) => dialog().getByLabel(label, { exact: true }).inputValue()
const make = (event) => server.api('POST', `/api/calendar/calendars/${server.calendar}/events/`, { start: `${DAY}T10:00:00`, duration: 'PT1H', timeZone: 'Europe/Berlin', ...event })
const event = async (id) => (await server.api('GET', `/api/calendar/events/${id}/`)).event

/** A zone as Outlook writes it: with summer time in the months that it says. */
const custom = (winter, summer = winter) => {
  const rule = (month, nth) => [{ '@type': 'RecurrenceRule', frequency: 'yearly', byMonth: [month], byDay: [{ '@type': 'NDay', day: 'su', nthOfPeriod: nth }] }]
  const observance = (offsetFrom, offsetTo, start, month) => ({ '@type': 'TimeZoneRule', offsetFrom, offsetTo, start, recurrenceRules: rule(month, -1) })
  return {
    timeZone: ZONE,
    timeZones: {
      [ZONE]: {
        '@type': 'TimeZone',
        tzId: ZONE.slice(1),
        standard: [observance(summer, winter, '1996-10-27T03:00:00', '10')],
        ...(summer !== winter && { daylight: [observance(winter, summer, '1981-03-29T02:00:00', '3')] }),
      },
    },
  }
}

/** How high an hour is on the screen. */
async function hourHeight() {
  const line = async (hour) => (await page.locator('.days').getByText(hour, { exact: true }).first().boundingBox()).y
  return ((await line('12')) - (await line('10'))) / 2
}

/** Nothing is drawn anew any more: what is taken then does not slip. */
const stillness = () => arrives('stillness', () => Date.now() - looked > STILL_MS)

/** Takes what is there at a point of it, and lets go so many hours further down. */
async function pull(title, point, hours, arrived) {
  await stillness()
  const box = await shown(title).boundingBox()
  const [x, y, by] = [box.x + box.width / 2, box.y + point(box.height), hours * (await hourHeight())]
  await page.mouse.move(x, box.y + box.height / 2)
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x, y + by / 2, { steps: 8 })
  await page.mouse.move(x, y + by, { steps: 8 })
  await page.mouse.up()
  await arrives(`${title}, pulled by ${hours} h`, arrived)
}

const drag = (title, hours, arrived) => pull(title, () => 6, hours, arrived)
const resize = (title, hours, arrived) => pull(title, (height) => height - 2, hours, arrived)

test('an event with a zone of its own is at its time, and so are all others', async () => {
  const { id } = await make({ title: 'Parents', start: `${DAY}T12:00:00`, ...custom('+0300') })
  await make({ title: 'Of ours', start: `${DAY}T16:00:00` })
  await olivia.to(WEEK)
  await shown('Of ours').waitFor()
  // Noon three hours east of Greenwich is ten o’clock in Berlin.
  await shown(/10:00.*Parents \(12:00 Customized Time Zone\)/).waitFor()
  assert.equal(await page.getByRole('alert').count(), 0)

  await shown('Parents').click()
  assert.equal(await value('Start'), `${DAY}T12:00`)
  assert.equal(await value('End'), `${DAY}T13:00`)
  await dialog().getByText('These are the times in Customized Time Zone. In Berlin it is Wed 10:00 – Wed 11:00.').waitFor()
  await dialog().getByLabel('Place').fill('School')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal((await event(id)).timeZone, ZONE)

  await drag('Parents', 1, async () => (await event(id)).start === `${DAY}T13:00:00`)
  assert.deepEqual((({ timeZone, duration }) => ({ timeZone, duration }))(await event(id)), { timeZone: ZONE, duration: 'PT1H' })

  await olivia.to(`/events/${id}`)
  await page.getByText('· Customized Time Zone').first().waitFor()
})

test('also where its rules change with the season', async () => {
  const { id } = await make({ title: 'Seasonal', ...custom('-0500', '-0400') })
  await olivia.to(WEEK)
  await shown(/16:00.*Seasonal \(10:00 Customized Time Zone\)/).click()
  await dialog().getByText('In Berlin it is Wed 16:00 – Wed 17:00.').waitFor()
  await dialog().getByLabel('Start', { exact: true }).fill('2026-07-01T10:00')
  await dialog().getByText('In Berlin it is Wed 16:00 – Wed 17:00.').waitFor()
  // An hour before its summer time begins.
  await dialog().getByLabel('Start', { exact: true }).fill('2026-03-29T01:00')
  await dialog().getByText(/In Berlin it is Sun 08:00/).waitFor()
  await dialog().getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'Discard' }).click()
  assert.equal((await event(id)).start, `${DAY}T10:00:00`)
})

test('a fault of the page is not told as one of the server, and the console has it', async () => {
  const other = await person(world)
  const heard = []
  other.page.on('console', (message) => message.type() === 'error' && heard.push(message.text()))
  await signIn(other, world, OLIVIA)
  await make({ title: 'Broken' })
  // An answer that no page can make anything of.
  await other.page.route('**/events/?*expand=true*', async (route) => {
    const answer = await route.fetch()
    const { occurrences, ...rest } = await answer.json()
    await route.fulfill({ response: answer, json: { ...rest, occurrences: occurrences.map((one) => ({ ...one, start: null })) } })
  })
  await other.to(WEEK)
  await other.page.getByRole('alert').getByText('Something went wrong in this page, not at the server.').waitFor()
  await arrives('the console has it', () => heard.some((text) => text.includes('TypeError')))
  await other.context.close()
})

test('an event without a zone is drawn, edited, dragged and resized at the time that it says', async () => {
  const { id } = await make({ title: 'Floating', start: `${DAY}T08:00:00`, timeZone: null })
  await olivia.to(WEEK)
  await shown(/08:00.*Floating/).click()
  assert.equal(await value('Start'), `${DAY}T08:00`)
  assert.equal(await value('End'), `${DAY}T09:00`)
  await dialog().getByText('The same time of day wherever one is.').waitFor()
  await dialog().getByLabel('End', { exact: true }).fill(`${DAY}T09:30`)
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().waitFor({ state: 'detached' })
  assert.deepEqual((({ start, duration, timeZone }) => ({ start, duration, timeZone }))(await event(id)), { start: `${DAY}T08:00:00`, duration: 'PT1H30M', timeZone: null })

  await drag('Floating', 2, async () => (await event(id)).start === `${DAY}T10:00:00`)
  await shown(/10:00.*Floating/).waitFor()
  await resize('Floating', 1, async () => (await event(id)).duration === 'PT2H30M')
  assert.equal((await event(id)).timeZone, null)
})

test('the last hour of the week is in it without a zone, too', async () => {
  await make({ title: 'Sunday night', start: '2026-12-06T23:15:00', duration: 'PT30M', timeZone: null })
  await olivia.to(WEEK)
  await shown(/23:15.*Sunday night/).waitFor()
  await olivia.to('/calendar?on=2026-12-08&view=week')
  await page.getByRole('button', { name: 'New event' }).waitFor()
  assert.equal(await shown('Sunday night').count(), 0)
})

test('an event that was deleted elsewhere while its form is open: it is said, and it is made again with what was typed', async () => {
  const { id } = await make({ title: 'Deleted elsewhere', location: undefined, description: 'Of before.' })
  await olivia.to(WEEK)
  await shown('Deleted elsewhere').click()
  await dialog().getByLabel('Place').fill('Room 2')
  await server.api('DELETE', `/api/calendar/events/${id}/`)
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByRole('alert').getByText('Somebody deleted this event meanwhile.').waitFor()
  assert.equal(await dialog().getByText('cannot be reached').count(), 0)
  assert.equal(await dialog().getByText(id).count(), 0)
  assert.equal(await value('Place'), 'Room 2')
  await dialog().getByRole('button', { name: 'Make it again' }).click()
  await dialog().waitFor({ state: 'detached' })
  const found = await event(id)
  assert.deepEqual([found.title, found.description, Object.values(found.locations)[0].name], ['Deleted elsewhere', 'Of before.', 'Room 2'])
  await shown('Deleted elsewhere').waitFor()
})

test('or what was typed is let go of, also where one came back to it later', async () => {
  const { id } = await make({ title: 'Gone for good' })
  await olivia.to(WEEK)
  await shown('Gone for good').click()
  await dialog().getByLabel('Place').fill('Room 3')
  await page.keyboard.press('Escape')
  await server.api('DELETE', `/api/calendar/events/${id}/`)
  await page.getByRole('button', { name: 'Continue' }).click()
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByRole('button', { name: 'Discard my changes' }).click()
  await dialog().waitFor({ state: 'detached' })
  assert.equal(await page.getByText('has not been saved yet').count(), 0)
  assert.equal(await event(id), null)
})

test('an occurrence that was deleted elsewhere is made again as an event of its own', async () => {
  const { id } = await make({ title: 'Each day', recurrenceRules: [{ '@type': 'RecurrenceRule', frequency: 'daily', count: 3 }] })
  await olivia.to(WEEK)
  await shown('Each day').nth(1).click()
  await dialog().getByLabel('Title').fill('This one day')
  await server.api('DELETE', `/api/calendar/events/${id}/?recurrence_id=2026-12-03T10:00:00&scope=this`)
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByRole('alert').getByText('Somebody deleted this event meanwhile.').waitFor()
  await dialog().getByRole('button', { name: 'Make it again' }).click()
  await dialog().waitFor({ state: 'detached' })
  await shown('This one day').waitFor()
  assert.equal(await shown('Each day').count(), 2)
})

test('deleted by mistake: undone by keyboard, without looking for it', async () => {
  const { id } = await make({ title: 'By mistake' })
  await olivia.to(WEEK)
  await shown('By mistake').click()
  await dialog().getByRole('button', { name: 'Delete' }).click()
  const notice = page.getByRole('region', { name: '“By mistake” was deleted.' })
  await notice.waitFor()
  assert.equal(await notice.evaluate((element) => element === document.activeElement), true)
  await shown('By mistake').waitFor({ state: 'detached' })
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Undo')
  await page.keyboard.press('Enter')
  await notice.waitFor({ state: 'detached' })
  await page.getByRole('status').getByText('Restored.').waitFor({ state: 'attached' })
  await shown('By mistake').waitFor()
  assert.equal((await event(id)).title, 'By mistake')
})

test('one of a series, too', async () => {
  await make({ title: 'Weekly', recurrenceRules: [{ '@type': 'RecurrenceRule', frequency: 'daily', count: 3 }] })
  await olivia.to(WEEK)
  await shown('Weekly').nth(2).waitFor()
  await shown('Weekly').nth(1).click()
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await arrives('one less', async () => (await shown('Weekly').count()) === 2)
  await page.getByRole('button', { name: 'Undo' }).click()
  await arrives('all again', async () => (await shown('Weekly').count()) === 3)
})

test('what was deleted, by whomever, is in a list, and comes back from there', async () => {
  const { id } = await make({ title: 'Deleted by a program' })
  await server.api('DELETE', `/api/calendar/events/${id}/`)
  await olivia.to(WEEK)
  await page.getByRole('button', { name: 'Deleted events' }).click()
  const entry = dialog().getByRole('listitem').filter({ hasText: 'Deleted by a program' })
  await entry.getByText(`deleted by ${OLIVIA}`).waitFor()
  assert.equal(await dialog().getByRole('listitem').first().getByText('Deleted by a program').count(), 1)
  await entry.getByRole('button', { name: 'Restore: Deleted by a program' }).click()
  await entry.waitFor({ state: 'detached' })
  await page.keyboard.press('Escape')
  await shown('Deleted by a program').waitFor()
  // Looked at again, it is not there; deleted again, it is.
  await server.api('DELETE', `/api/calendar/events/${id}/`)
  await page.getByRole('button', { name: 'Deleted events' }).click()
  await entry.getByRole('link', { name: 'History: Deleted by a program' }).click()
  await page.getByText('The event was deleted.').first().waitFor()
})

test('the week on a phone says which days it has, in both languages', async () => {
  for (const locale of ['en-GB', 'de-DE']) {
    const phone = await person(world, { locale, viewport: { width: 390, height: 844 }, storageState: await olivia.context.storageState() })
    await phone.to(WEEK)
    const header = phone.page.getByRole('columnheader')
    await header.first().waitFor()
    const days = (await header.allTextContents()).filter((text) => /\d/.test(text)).map((text) => Number(text.match(/\d+/)[0]))
    assert.deepEqual(days, [30, 1, 2, 3, 4, 5, 6])
    const cut = await header.evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent))
    assert.deepEqual(cut, [])
    await phone.leave()
  }
})

test('what was called off is seen and said', async () => {
  await make({ title: 'Called off', status: 'cancelled' })
  await make({ title: 'Goes on', start: `${DAY}T14:00:00` })
  await olivia.to(WEEK)
  const line = (title) => page.locator('.days').getByText(title, { exact: true }).first().evaluate((element) => getComputedStyle(element).textDecorationLine)
  await shown('Called off').waitFor()
  assert.deepEqual([await line('Called off'), await line('Goes on')], ['line-through', 'none'])
  assert.equal(await page.locator('.days [aria-description="Cancelled"]').count(), 1)
  await shown('Called off').click()
  await dialog().getByText('Cancelled', { exact: true }).waitFor()
  await page.keyboard.press('Escape')
})

test('the form says in which calendar an event is', async () => {
  await make({ title: 'Whose' })
  await olivia.to(WEEK)
  await shown('Whose').click()
  await dialog().getByText('Calendar: Practice').waitFor()
  await page.keyboard.press('Escape')
})

test('whole days and back: the times are there again; the end goes along with the start', async () => {
  await make({ title: 'Late', start: `${DAY}T22:00:00`, duration: 'PT1H15M' })
  await olivia.to(WEEK)
  await shown('Late').click()
  await dialog().getByLabel('All day').check()
  assert.deepEqual([await value('Start'), await value('End')], [DAY, DAY])
  await dialog().getByLabel('All day').uncheck()
  assert.deepEqual([await value('Start'), await value('End')], [`${DAY}T22:00`, `${DAY}T23:15`])
  await dialog().getByLabel('Start', { exact: true }).fill('2026-12-04T09:00')
  assert.equal(await value('End'), '2026-12-04T10:15')
  await dialog().getByLabel('Title').focus()
  await dialog().getByLabel('Start', { exact: true }).fill('2026-12-04T08:00')
  assert.equal(await value('End'), '2026-12-04T10:15')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Discard' }).click()
})

test('a calendar keeps its colour when others come', async () => {
  const colour = () => page.getByLabel('Practice').evaluate((box) => box.style.accentColor)
  await olivia.to(WEEK)
  await page.getByLabel('Practice').waitFor()
  const before = await colour()
  for (const name of ['A first one', 'Another', 'Zoo']) await server.api('POST', '/api/calendar/calendars/', { name })
  await page.reload()
  await page.getByLabel('A first one').waitFor()
  assert.equal(await colour(), before)
  const all = await page.getByRole('checkbox').evaluateAll((boxes) => boxes.map((box) => box.style.accentColor))
  assert.equal(new Set(all).size, 4)
})
