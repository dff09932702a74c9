// What a person does when something is not in step: decide, restore, release, reconnect.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allow, ANN, arrives, atGoogle, CALENDAR, choose, connect, DAY, demo, google, OLIVIA, operator, person, signIn } from './harness.mjs'

/** More than the brake lets go by itself. */
const MANY = 14

let world
let olivia
before(async () => {
  world = await demo()
  olivia = await person(world)
  await google(world, 'POST', '', event('Review', 10))
  await signIn(olivia, world, OLIVIA)
  await connect(olivia, world, 'google')
  await choose(olivia, world, 'google')
})
after(async () => {
  await olivia?.leave()
  await world?.stop()
})

const account = () => olivia.page.getByRole('region', { name: ANN.google })

test('both sides changed the title: the person sees both and chooses', async () => {
  const { page, to } = olivia
  await account().getByLabel('When both sides changed').selectOption('ask')
  await account().getByRole('button', { name: 'Pause' }).click()
  await account().getByText('Paused', { exact: true }).waitFor()
  await retitle('Review', 'Ours')
  const there = await atGoogle(world, 'Review')
  await google(world, 'PATCH', `/${there.id}`, { summary: 'Theirs' })
  await to('/')
  await account().getByRole('button', { name: 'Resume' }).click()
  await to('/conflicts')
  const conflict = page.getByRole('listitem').filter({ hasText: 'Theirs' })
  await conflict.getByText('Ours').waitFor()
  await conflict.getByRole('group', { name: 'In the account' }).getByRole('button', { name: 'Take this' }).click()
  await page.getByText('No conflicts.').waitFor()
  await to(CALENDAR)
  await page.getByText('Theirs').first().waitFor()
  await atGoogle(world, 'Theirs')
})

test('an earlier version is restored, here and there', async () => {
  const { page } = olivia
  await page.getByText('Theirs').first().click()
  await page.getByRole('dialog').getByRole('link', { name: 'History' }).click()
  const first = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Version 1', exact: true }) })
  await first.getByText('Review').first().waitFor()
  await first.getByRole('button', { name: 'Restore this version' }).click()
  await page.getByText('It is again as it was in version 1.').waitFor()
  await atGoogle(world, 'Review')
})

test('many deletions at once are held until somebody says so', async () => {
  const { page, to } = olivia
  const made = []
  for (let number = 1; number <= MANY; number++) made.push(await google(world, 'POST', '', event(`Slot ${number}`, 8 + (number % 10))))
  await to(CALENDAR)
  await page.getByText(`Slot ${MANY}`, { exact: true }).first().waitFor()
  await page.getByText('Slot 1', { exact: true }).first().waitFor()
  await to('/')
  await account().getByText('In step', { exact: true }).waitFor()
  // At once, as somebody does who empties a calendar: one run sees all of them.
  await account().getByRole('button', { name: 'Pause' }).click()
  await account().getByText('Paused', { exact: true }).waitFor()
  for (const { id } of made) await google(world, 'DELETE', `/${id}`)
  await account().getByRole('button', { name: 'Resume' }).click()
  const held = account().getByRole('button', { name: /deletions? waits? for your word/ })
  await held.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete them' }).click()
  await held.waitFor({ state: 'detached' })
  await to(CALENDAR)
  await page.getByText('Review').first().waitFor()
  await arrives('the slots are gone', async () => (await page.getByText(/^Slot \d+$/).count()) === 0)
})

test('a grant that was taken back is given again, and everything goes on', async () => {
  const { page, to } = olivia
  await to('/')
  await operator(world, 'POST', '/grants/revoke', { face: 'google', user: ANN.google })
  await account().getByRole('button', { name: 'Sync now' }).click()
  await account().getByText('Needs reconnecting').first().waitFor()
  await account().getByRole('button', { name: 'Reconnect' }).click()
  await allow(page, world, 'google')
  await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
  await to('/')
  await account().getByText('In step', { exact: true }).waitFor()
  assert.equal(await account().getByText('Needs reconnecting').count(), 0)
})

async function retitle(from, title) {
  const { page, to } = olivia
  await to(CALENDAR)
  await page.getByText(from).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Title').fill(title)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText(title).first().waitFor()
}

function event(summary, hour) {
  const at = (time) => ({ dateTime: `${DAY}T${String(time).padStart(2, '0')}:00:00`, timeZone: 'Europe/Berlin' })
  return { summary, start: at(hour), end: at(hour + 1) }
}
