// Looking at what happened, and deciding: conflicts, versions, deletions that wait, what could not be taken over, leaving.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ANN, api, arrives, atGoogle, choose, connect, demo, google, microsoft, OLIVIA, operator, person, signIn, want } from './harness.mjs'

/** More than the brake lets go by itself. */
const MANY = 14

let world
let olivia
let link
before(async () => {
  world = await demo()
  olivia = await person(world)
  for (const title of ['Alpha', 'Beta', 'Gamma', 'Delta']) await google(world, 'POST', '', event(title, 9))
  await signIn(olivia, world, OLIVIA)
  await connect(olivia, world, 'google')
  await choose(olivia, world, 'google')
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  link = links.find((one) => one.remote_calendar_id === ANN.google)
  await change({ conflict_policy: 'ask' })
})
after(async () => {
  await olivia?.leave()
  await world?.stop()
})

const account = () => olivia.page.getByRole('region', { name: ANN.google })
const change = (body) => api(world, 'PATCH', `/api/calendar/links/${link.id}/`, body)
const ours = async (title) => {
  const { events } = await api(world, 'GET', `/api/calendar/calendars/${link.calendar_id}/events/?limit=1000`)
  return events.find((one) => one.event.title === title)
}

test('the status says how much is in step, and what woke the link', async () => {
  const { page, to } = olivia
  await to('/')
  const { events } = await api(world, 'GET', `/api/calendar/links/${link.id}/`).then((one) => one.link)
  assert.ok(events >= 4)
  await account().getByText(`${events} events on both sides`).waitFor()
  await account().getByText(/^Last woken /).waitFor()
  await page.getByText('Everything is in step.').waitFor()
})

test('both sides of a conflict say who and when, and a typed value goes to both', async () => {
  const { page, to } = olivia
  await change({ state: 'paused' })
  for (const title of ['Alpha', 'Beta', 'Gamma']) {
    const { id } = await ours(title)
    await api(world, 'PATCH', `/api/calendar/events/${id}/`, { title: `${title} ours` })
    await google(world, 'PATCH', `/${(await atGoogle(world, title)).id}`, { summary: `${title} theirs` })
  }
  const { id } = await ours('Delta')
  await api(world, 'PATCH', `/api/calendar/events/${id}/`, { start: `${today()}T13:00:00` })
  await google(world, 'PATCH', `/${(await atGoogle(world, 'Delta')).id}`, event('Delta', 15))
  await change({ state: 'active' })
  // The status says so, and leads there.
  await to('/')
  await page.getByText('4 things need you.').waitFor()
  await page.getByRole('link', { name: '4 conflicts wait for you' }).click()
  await page.getByText('4 conflicts wait for you').waitFor()
  const alpha = conflict('Alpha')
  const [here, there] = ['In Kalends', 'In the account'].map((name) => alpha.getByRole('group', { name }))
  await here.getByText('Alpha ours').waitFor()
  await here.getByText(/^by .*, /).waitFor()
  await there.getByText('Alpha theirs').waitFor()
  await there.getByText(new RegExp(`${ANN.google}.*, seen `)).waitFor()
  await alpha.getByText('Type another value').click()
  await alpha.getByLabel('Another value for both sides').fill('Alpha agreed')
  await alpha.getByRole('button', { name: 'Use this value' }).click()
  await page.getByText('1 conflict is decided.').waitFor()
  await alpha.waitFor({ state: 'detached' })
  await atGoogle(world, 'Alpha agreed')
  assert.ok(await ours('Alpha agreed'))
})

test('a time is read as people say it, and can be typed as well', async () => {
  const { page } = olivia
  const delta = conflict('Delta')
  await delta.getByRole('group', { name: 'In Kalends' }).getByText(/13:00.*14:00/).waitFor()
  await delta.getByRole('group', { name: 'In the account' }).getByText(/15:00.*16:00/).waitFor()
  await delta.getByText('Type another value').click()
  await delta.getByLabel('Start', { exact: true }).fill(`${today()}T17:30`)
  await delta.getByLabel('End', { exact: true }).fill(`${today()}T18:00`)
  await delta.getByRole('button', { name: 'Use this value' }).click()
  await delta.waitFor({ state: 'detached' })
  await page.getByText('2 conflicts wait for you').waitFor()
  await arrives('the time at Google', async () => (await atGoogle(world, 'Delta')).start.dateTime.includes('T17:30'))
  assert.equal((await ours('Delta')).event.duration, 'PT30M')
})

test('several are decided together: first a selected one, then all the others', async () => {
  const { page } = olivia
  await conflict('Beta').getByRole('checkbox').check()
  await page.getByText('1 selected').waitFor()
  await page.getByRole('button', { name: 'Take 1 from the account' }).click()
  await page.getByRole('dialog').getByText('1 conflict is decided: what the account says is taken into Kalends.').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Decide' }).click()
  await conflict('Beta').waitFor({ state: 'detached' })
  assert.ok(await ours('Beta theirs'))
  await page.getByRole('button', { name: 'Take all from Kalends' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Decide' }).click()
  await page.getByText('No conflicts.').waitFor()
  await atGoogle(world, 'Gamma ours')
})

test('what was not taken is still there, and can be taken later', async () => {
  const { page } = olivia
  await page.getByText('Decided earlier').click()
  const beta = conflict('Beta theirs')
  await beta.getByText(/^decided by /).waitFor()
  await beta.getByRole('group', { name: 'In Kalends' }).getByRole('button', { name: 'Take this' }).click()
  await page.getByText('1 conflict is decided.').waitFor()
  await atGoogle(world, 'Beta ours')
})

test('the history says what changed, who did it, and where it was written to', async () => {
  const { page, to } = olivia
  const { id } = await ours('Gamma ours')
  await to(`/events/${id}`)
  const made = version(1)
  await made.getByText(`came from ${ANN.google}`).waitFor()
  const edited = version(2)
  await edited.getByText('Gamma ours').waitFor()
  await edited.getByText(/ in Kalends$/).waitFor()
  await edited.getByText('Written to').waitFor()
  await edited.getByText('arrived').waitFor()
  await made.getByRole('button', { name: 'Restore this version' }).click()
  await page.getByText('It is again as it was in version 1.').waitFor()
  await atGoogle(world, 'Gamma')
  // The trace comes by itself, without a reload.
  await version(3).getByText('arrived').waitFor()
})

test('what waits to be deleted is listed before anybody decides; kept events come back there', async () => {
  const { page, to } = olivia
  for (let number = 1; number <= MANY; number++) await google(world, 'POST', '', event(`Slot ${number}`, 8 + (number % 10)))
  await api(world, 'POST', `/api/calendar/links/${link.id}/sync/`, {})
  await arrives('all are here', async () => ours(`Slot ${MANY}`))
  await change({ state: 'paused' })
  for (const one of (await google(world, 'GET')).items) if (one.summary?.startsWith('Slot ')) await google(world, 'DELETE', `/${one.id}`)
  await change({ state: 'active' })
  await to('/')
  await account().getByRole('button', { name: `${MANY} deletions wait for your word` }).click()
  const dialog = page.getByRole('dialog')
  for (let number = 1; number <= MANY; number++) await dialog.getByRole('link', { name: `Slot ${number}`, exact: true }).waitFor()
  await dialog.getByRole('button', { name: 'Keep them' }).click()
  await atGoogle(world, `Slot ${MANY}`)
})

test('what could not be taken over is named, with the reason and what to do', async () => {
  const { page, to } = olivia
  const { base, users } = world.told.sandbox.caldav
  const { calendars } = await api(world, 'GET', '/api/calendar/list/')
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const dav = calendars.find((one) => one.provider === 'CalDAV')
  const work = links.find((one) => one.connection_id === dav.id)
  const user = users.find((one) => one.user === dav.email) ?? users[0]
  const text = 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:broken@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260230T100000Z\r\nSUMMARY:Broken\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
  const headers = { Authorization: `Basic ${btoa(`${user.user}:${user.password}`)}`, 'Content-Type': 'text/calendar' }
  const put = await fetch(new URL('broken.ics', new URL(work.remote_calendar_id, base)), { method: 'PUT', headers, body: text })
  assert.ok(put.ok, `${put.status} ${await put.text()}`)
  await api(world, 'POST', `/api/calendar/links/${work.id}/sync/`, {})
  await to('/')
  await page.getByText('1 event could not be taken over').waitFor()
  await page.getByRole('button', { name: /^Show: 1 event could not/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/broken\.ics/).first().waitFor()
  await dialog.getByText('It cannot be read. Open it in the account and save it again').waitFor()
  await dialog.getByText(/^What was said: /).waitFor()
  await dialog.getByRole('button', { name: 'Close' }).last().click()
})

test('what the provider refuses is named too, and goes out when it is changed', async () => {
  const { page, to } = olivia
  await operator(world, 'POST', '/faults', { fault: { kind: 'status', code: 400 }, face: 'google', method: 'POST', path: '/events' })
  const { id } = await api(world, 'POST', `/api/calendar/calendars/${link.calendar_id}/events/`, {
    title: 'Unwanted',
    start: `${today()}T20:00:00`,
    timeZone: 'Europe/Berlin',
    duration: 'PT1H',
  })
  await to('/')
  await account().getByRole('button', { name: /^Show: 1 event could not/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('link', { name: 'Unwanted' }).waitFor()
  await dialog.getByText('The provider does not take it. Change the event').waitFor()
  await page.keyboard.press('Escape')
  await operator(world, 'DELETE', '/faults')
  await api(world, 'PATCH', `/api/calendar/events/${id}/`, { title: 'Wanted' })
  await atGoogle(world, 'Wanted')
  await account().getByText(/could not be taken over/).waitFor({ state: 'detached' })
})

test('the preview points at possible doubles', async () => {
  const { page } = olivia
  const at = (hour) => ({ dateTime: `${today()}T${hour}:00:00`, timeZone: 'Europe/Berlin' })
  await microsoft(world, 'POST', '/events', { subject: 'alpha agreed', start: at('09'), end: at('10') })
  await connect(olivia, world, 'microsoft')
  await want(olivia, world, 'microsoft')
  const { calendars } = await api(world, 'GET', '/api/calendar/calendars/')
  await page.getByLabel(/^Into/).selectOption(link.calendar_id)
  assert.ok(calendars.some((one) => one.id === link.calendar_id))
  await page.getByRole('button', { name: 'Preview' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('1 event may be double').click()
  await dialog.getByText('alpha agreed').last().waitFor()
  await dialog.getByRole('button', { name: 'Begin' }).click()
  await page.getByRole('region', { name: ANN.microsoft }).getByText('In step', { exact: true }).waitFor()
})

test('leaving says in numbers what stays here and what was written there', async () => {
  const { page } = olivia
  const region = page.getByRole('region', { name: ANN.microsoft })
  await arrives('everything was written there', async () => {
    const { links } = await api(world, 'GET', '/api/calendar/links/')
    const own = links.find((one) => one.calendar_id === link.calendar_id && one.id !== link.id)
    return own.owed === 0 && own.events > MANY
  })
  const { calendars } = await api(world, 'GET', '/api/calendar/list/')
  const { id } = calendars.find((one) => one.email === ANN.microsoft)
  const told = await api(world, 'GET', `/api/calendar/disconnect/?credential_id=${id}`)
  assert.ok(told.written > 0 && told.written < told.events, JSON.stringify(told))
  await region.getByRole('button', { name: 'Disconnect' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('1 calendar is no longer kept in step.').waitFor()
  await dialog.getByText(`${told.events} events of this account stay here in Kalends.`).waitFor()
  await dialog.getByLabel(`Remove the ${told.written} events that Kalends wrote into this account`).check()
  await dialog.getByLabel('Type remove to confirm the removal').fill('remove')
  await dialog.getByRole('button', { name: 'Disconnect' }).click()
  await region.waitFor({ state: 'detached' })
  await arrives('the copies are gone', async () => {
    const there = (await microsoft(world, 'GET', '/events?$top=100')).value
    return there.some((one) => one.subject === 'alpha agreed') && !there.some((one) => one.subject.startsWith('Slot '))
  })
})

test('what is not there says so, in German too', async () => {
  const { page, to } = olivia
  const strange = '01a20593-0000-7000-8000-000000000000'
  await to(`/events/${strange}`)
  await page.getByText('There is no such event, or you may not see it.').waitFor()
  await to(`/accounts/${strange}`)
  await page.getByText('There is no such account.').waitFor()
  await page.getByLabel('Language').selectOption('de')
  await page.getByText('Dieses Konto gibt es nicht.').waitFor()
  await to('/conflicts')
  await page.getByText('Keine Konflikte.').waitFor()
  await page.getByLabel('Sprache').selectOption('en')
})

const conflict = (title) => olivia.page.getByRole('listitem').filter({ has: olivia.page.getByRole('heading', { name: title, exact: true }) })
const version = (number) => olivia.page.getByRole('listitem').filter({ has: olivia.page.getByRole('heading', { name: `Version ${number}`, exact: true }) })

function event(summary, hour) {
  const at = (time) => ({ dateTime: `${today()}T${String(time).padStart(2, '0')}:00:00`, timeZone: 'Europe/Berlin' })
  return { summary, start: at(hour), end: at(hour + 1) }
}

function today() {
  return new Date().toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })
}
