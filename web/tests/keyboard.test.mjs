// Every story by keyboard alone: from signing in to signing out, without a mouse.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allow, ANN, api, arrives, atGoogle, CALENDAR, DAY, demo, google, OLIVIA, person } from './harness.mjs'
import { keys } from './keys.mjs'

/** More than the brake lets go by itself. */
const MANY = 14

let world
let olivia
let page
let hand
before(async () => {
  world = await demo()
  olivia = await person(world)
  page = olivia.page
  hand = keys(page)
  await google(world, 'POST', '', event('Review', 10))
})
after(async () => {
  await olivia?.leave()
  await world?.stop()
})

const account = () => page.getByRole('region', { name: ANN.google })
const dialog = () => page.getByRole('dialog')
const menu = (name) => page.getByRole('navigation').getByRole('link', { name, exact: true })
const appointment = (title) => page.getByRole('button', { name: title }).first()
const told = (text) => page.getByRole('status').getByText(text, { exact: true }).waitFor({ state: 'attached' })

function event(summary, hour) {
  const at = (time) => ({ dateTime: `${DAY}T${String(time).padStart(2, '0')}:00:00`, timeZone: 'Europe/Berlin' })
  return { summary, start: at(hour), end: at(hour + 1) }
}

/** The calendar on the tests' day, by its address, as from a bookmark. */
async function calendar() {
  await olivia.to(CALENDAR)
  await page.getByRole('button', { name: 'New event' }).waitFor()
}

test('signing in, and past the menu to the content', async () => {
  await olivia.to('/calendar')
  await hand.type(page.getByLabel('E-mail address'), OLIVIA)
  await page.keyboard.press('Tab')
  await page.keyboard.type(world.told.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Calendar', level: 1 }).waitFor()
  await page.keyboard.press('Tab')
  await hand.press(page.getByText('Skip to the content'))
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
  // It leads into this page, not to another one.
  await page.getByRole('heading', { name: 'Calendar', level: 1 }).waitFor()
})

test('another page has another title, and one begins at its top', async () => {
  assert.equal(await page.title(), 'Calendar · Kalends')
  await hand.press(menu('Sync status'))
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  assert.equal(await page.title(), 'Sync status · Kalends')
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
})

test('connecting and choosing', async () => {
  await hand.press(page.getByRole('link', { name: 'Connect a calendar' }))
  await hand.press(page.getByRole('button', { name: 'Google Calendar' }))
  // The consent page is the provider's.
  await allow(page, world, 'google')
  await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
  await hand.pick(page.getByLabel(`Direction: ${await mainCalendar()}`, { exact: true }), 'Both')
  await hand.press(page.getByRole('button', { name: 'Keep 1 calendar in step' }))
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  await account().getByText('In step', { exact: true }).waitFor()
})

test('making an event, editing it, moving it, deleting it', async () => {
  await calendar()
  await hand.press(page.getByRole('button', { name: 'New event' }))
  assert.equal(await dialog().evaluate((element) => element.contains(document.activeElement)), true)
  await hand.type(dialog().getByLabel('Title'), 'By hand')
  await hand.pick(dialog().getByLabel('Calendar'), ANN.google)
  await hand.time(dialog().getByLabel('Start', { exact: true }), [9, 0])
  await hand.time(dialog().getByLabel('End', { exact: true }), [9, 30])
  await page.keyboard.press('Enter')
  await dialog().waitFor({ state: 'detached' })
  await told('Saved.')
  assert.equal(await hand.focused(), 'New event')
  await atGoogle(world, 'By hand')

  await hand.press(appointment('By hand'))
  await hand.type(dialog().getByLabel('Title'), 'By hand, edited')
  await page.keyboard.press('Enter')
  await dialog().waitFor({ state: 'detached' })
  await appointment('By hand, edited').waitFor()
  assert.match(await hand.focused(), /By hand, edited/)

  await hand.press(appointment('By hand, edited'))
  await hand.time(dialog().getByLabel('End', { exact: true }), [16, 15])
  await hand.time(dialog().getByLabel('Start', { exact: true }), [15, 30])
  await hand.press(dialog().getByRole('button', { name: 'Save' }))
  await dialog().waitFor({ state: 'detached' })
  await arrives('the new time at Google', async () => (await atGoogle(world, 'By hand, edited')).start.dateTime.includes('T15:30'))

  await hand.press(appointment('By hand, edited'))
  await hand.press(dialog().getByRole('button', { name: 'Delete' }))
  await dialog().waitFor({ state: 'detached' })
  await told('Deleted.')
  await appointment('By hand, edited').waitFor({ state: 'detached' })
  await arrives('its deletion at Google', async () => !(await google(world, 'GET')).items.some((one) => one.summary === 'By hand, edited'))
})

test('the week before and after, the month and the agenda', async () => {
  await calendar()
  await hand.press(page.getByRole('button', { name: 'Next Week' }))
  await hand.press(page.getByRole('button', { name: 'Previous Week' }))
  await hand.press(page.getByRole('tab', { name: 'Month' }))
  await page.getByRole('button', { name: 'Next Month' }).waitFor()
  await hand.press(page.getByRole('tab', { name: 'Agenda' }))
  await appointment('Review').or(page.getByText('Review').first()).first().waitFor()
})

test('a dialog keeps the focus until it is closed, and gives it back', async () => {
  await hand.press(menu('Sync status'))
  const opener = account().getByRole('button', { name: 'Disconnect' })
  await hand.press(opener)
  await dialog().waitFor()
  for (let stop = 0; stop < 12; stop++) {
    await page.keyboard.press('Tab')
    const inside = await dialog().evaluate((element) => element.contains(document.activeElement) || document.activeElement === document.body)
    assert.ok(inside, 'Tab leaves the dialog')
  }
  await page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'detached' })
  assert.equal(await opener.evaluate((element) => element === document.activeElement), true)
  await hand.press(opener)
  await hand.press(dialog().getByRole('button', { name: 'Cancel' }))
  await dialog().waitFor({ state: 'detached' })
  assert.equal(await opener.evaluate((element) => element === document.activeElement), true)
})

test('deciding a conflict', async () => {
  await hand.pick(account().getByLabel('When both sides changed'), 'Ask')
  await hand.press(account().getByRole('button', { name: 'Pause' }))
  await account().getByText('Paused', { exact: true }).waitFor()
  await calendar()
  await hand.press(appointment('Review'))
  await hand.type(dialog().getByLabel('Title'), 'Ours')
  await page.keyboard.press('Enter')
  await dialog().waitFor({ state: 'detached' })
  const there = await atGoogle(world, 'Review')
  await google(world, 'PATCH', `/${there.id}`, { summary: 'Theirs' })
  await hand.press(menu('Sync status'))
  await hand.press(account().getByRole('button', { name: 'Resume' }))
  await hand.press(menu('Conflicts'))
  const conflict = page.getByRole('listitem').filter({ hasText: 'Theirs' })
  await hand.press(conflict.getByRole('group', { name: 'In the account' }).getByRole('button', { name: 'Take this' }))
  await page.getByText('No conflicts.').waitFor()
  await told('Decided.')
})

test('restoring a version', async () => {
  await calendar()
  await hand.press(appointment('Theirs'))
  await hand.press(dialog().getByRole('link', { name: 'History' }))
  const first = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Version 1', exact: true }) })
  await hand.press(first.getByRole('button', { name: 'Restore this version' }))
  await page.getByText('It is again as it was in version 1.').waitFor()
  await atGoogle(world, 'Review')
})

test('releasing held deletions', async () => {
  const made = []
  for (let number = 1; number <= MANY; number++) made.push(await google(world, 'POST', '', event(`Slot ${number}`, 8 + (number % 10))))
  await calendar()
  await page.getByText(`Slot ${MANY}`, { exact: true }).first().waitFor()
  await page.getByText('Slot 1', { exact: true }).first().waitFor()
  await hand.press(menu('Sync status'))
  await account().getByText('In step', { exact: true }).waitFor()
  await hand.press(account().getByRole('button', { name: 'Pause' }))
  await account().getByText('Paused', { exact: true }).waitFor()
  for (const { id } of made) await google(world, 'DELETE', `/${id}`)
  await hand.press(account().getByRole('button', { name: 'Resume' }))
  const held = account().getByRole('button', { name: /deletions? waits? for your word/ })
  await held.waitFor()
  await page.locator('[aria-live=polite]').getByText('1 thing needs you.').waitFor()
  await hand.press(held)
  await hand.press(dialog().getByRole('button', { name: 'Delete them' }))
  await held.waitFor({ state: 'detached' })
})

test('disconnecting with removal, and signing out', async () => {
  // Only where Kalends wrote something there is a choice.
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const { calendar_id } = links.find((one) => one.remote_calendar_id === ANN.google)
  await api(world, 'POST', `/api/calendar/calendars/${calendar_id}/events/`, { title: 'Written there', start: `${DAY}T18:00:00`, timeZone: 'Europe/Berlin', duration: 'PT1H' })
  await atGoogle(world, 'Written there')
  await hand.press(account().getByRole('button', { name: 'Disconnect' }))
  await hand.reach(dialog().getByLabel(/^Keep the/))
  await page.keyboard.press('ArrowDown')
  await hand.type(dialog().getByLabel('Type remove to confirm the removal'), 'remove')
  await page.keyboard.press('Enter')
  await account().waitFor({ state: 'detached' })
  await hand.press(page.getByRole('button', { name: 'Sign out' }))
  await page.getByLabel('Password').waitFor()
})

async function mainCalendar() {
  const id = new URL(page.url()).pathname.split('/').pop()
  const { calendars } = await api(world, 'GET', `/api/calendar/connections/${id}/calendars/`)
  return calendars.find((one) => one.id === ANN.google).name
}
