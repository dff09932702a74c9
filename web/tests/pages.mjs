// Each page of the app in a world where it has something to show, for the tests of accessibility and the pictures.

import { ANN, api, arrives, ask, atGoogle, CALENDAR, choose, connect, DAY, google, OLIVIA, operator, person, RITA, ROOT, signIn } from './harness.mjs'

/** More than the brake lets go by itself. */
const MANY = 12
const STRANGE = '01a20593-0000-7000-8000-000000000000'

const click = (role, name) => (page) => page.getByRole(role, { name }).first().click()
const region = (name) => (page) => page.getByRole('region', { name }).first()
const text = (words) => (page) => page.getByText(words).first()
const dialog = (words) => (page) => page.getByRole('dialog').getByText(words).first()

/** What a page is called, whose it is, where it is, what is on it when it is complete; what one does to come to a state of it,
 * what is there then, and how one leaves it; what the server is made to answer in its place. */
export const PAGES = [
  { name: 'status', who: OLIVIA, path: '/', shows: (page) => page.getByRole('region', { name: ANN.google }) },
  { name: 'status-skipped', who: OLIVIA, path: '/', shows: region('ann'), open: click('button', /^Show: /), then: dialog('It cannot be read.') },
  { name: 'status-held', who: OLIVIA, path: '/', shows: region(ANN.google), open: click('button', /wait for your word/), then: dialog(`Slot ${MANY}`) },
  { name: 'status-disconnect', who: OLIVIA, path: '/', shows: region(ANN.google), open: click('button', 'Disconnect'), then: dialog(/here in Kalends/) },
  { name: 'status-unlink', who: OLIVIA, path: '/', shows: region(ANN.google), open: click('button', 'Stop syncing'), then: dialog(/on both sides/) },
  { name: 'status-error', who: OLIVIA, path: '/', shows: text('Try again'), stub: { '**/api/calendar/list/': 503 } },
  { name: 'status-none', who: OLIVIA, path: '/', shows: text('No account is connected yet.'), stub: { '**/api/calendar/list/': { success: true, calendars: [] }, '**/api/calendar/links/': { success: true, links: [] }, '**/api/calendar/conflicts/*': { success: true, conflicts: [], next_cursor: null } } },
  { name: 'connect', who: OLIVIA, path: '/connect', shows: (page) => page.getByText('iCloud') },
  { name: 'connect-icloud', who: OLIVIA, path: '/connect?with=icloud', shows: (page) => page.getByLabel('App password') },
  { name: 'choose', who: OLIVIA, path: null, shows: (page) => page.getByLabel(/^Direction: /).first() },
  { name: 'choose-over', who: OLIVIA, path: null, shows: (page) => page.getByLabel(/^Direction: /).first(), open: (page) => page.getByLabel(/^Direction: /).first().selectOption('pull'), then: text('Your plan allows') },
  { name: 'choose-none', who: OLIVIA, path: null, shows: text('No calendar was found'), stub: { '**/connections/*/calendars/': { success: true, calendars: [] } } },
  { name: 'choose-missing', who: OLIVIA, path: `/accounts/${STRANGE}`, shows: text('There is no such account.') },
  { name: 'calendar', who: OLIVIA, path: CALENDAR, shows: (page) => page.getByText('Consultation').first() },
  { name: 'history', who: OLIVIA, path: null, shows: text('Written to') },
  { name: 'history-missing', who: OLIVIA, path: `/events/${STRANGE}`, shows: text('There is no such event') },
  { name: 'conflicts', who: OLIVIA, path: '/conflicts', shows: text('3 conflicts wait for you') },
  { name: 'conflicts-own', who: OLIVIA, path: '/conflicts', shows: text('3 conflicts wait for you'), open: openAll, then: (page) => page.getByLabel('Start', { exact: true }) },
  { name: 'conflicts-sure', who: OLIVIA, path: '/conflicts', shows: text('3 conflicts wait for you'), open: click('button', 'Take all from Kalends'), then: dialog('3 conflicts are decided') },
  { name: 'conflicts-none', who: OLIVIA, path: '/conflicts', shows: (page) => page.getByText('No conflicts.'), stub: { '**/api/calendar/conflicts/*': { success: true, conflicts: [], next_cursor: null } } },
  { name: 'conflicts-error', who: OLIVIA, path: '/conflicts', shows: text('Try again'), stub: { '**/api/calendar/conflicts/*': 503 } },
  { name: 'members', who: OLIVIA, path: '/members', shows: (page) => page.getByText('Mona Manager') },
  { name: 'tokens', who: OLIVIA, path: '/tokens', shows: (page) => page.getByText('demo').first() },
  { name: 'audit', who: OLIVIA, path: '/audit', shows: (page) => page.getByText('link.create').first() },
  { name: 'upgrade', who: RITA, path: '/', shows: (page) => page.getByText('Calendar Sync is not part of your plan') },
  { name: 'platform', who: ROOT, path: '/platform', shows: (page) => page.getByText('Rival Dental') },
  { name: 'platform-features', who: ROOT, path: '/platform', shows: text('Rival Dental'), open: (page) => page.getByText('Features').first().click(), then: (page) => page.getByLabel('Calendar Sync: Demo Dental') },
  { name: 'platform-health', who: ROOT, path: '/platform/health', shows: text('Rival Dental') },
  { name: 'platform-plans', who: ROOT, path: '/platform/plans', shows: text('Professional') },
  { name: 'platform-plan', who: ROOT, path: '/platform/plans', shows: text('Professional'), open: click('button', 'Edit the plan Professional'), then: (page) => page.getByRole('dialog').getByLabel('Calendars in step') },
  { name: 'platform-plans-none', who: ROOT, path: '/platform/plans', shows: text('There is no plan yet.'), stub: { '**/api/platform/plans/': { success: true, plans: [] } } },
  { name: 'platform-audit', who: ROOT, path: '/platform/audit', shows: text('plan.create') },
]

async function openAll(page) {
  for (const one of await page.getByText('Type another value').all()) await one.click()
}

/** Goes to a page, and to its state. */
export async function arrive({ page, to }, { name, path, shows, open, then, stub = {} }, paths) {
  await page.unrouteAll()
  for (const [address, answer] of Object.entries(stub)) {
    const fake = typeof answer === 'number' ? { status: answer, body: '' } : { json: answer }
    await page.route(address, (route) => route.fulfill(fake))
  }
  await to(path ?? paths[name.split('-')[0]])
  await shows(page).waitFor({ state: 'attached' })
  if (open) {
    await open(page)
    await then(page).waitFor()
  }
}

const aDialog = (page) => page.getByRole('dialog')
const openEvent = async (page) => {
  await page.getByText('Consultation').first().click()
  await aDialog(page).getByLabel('Title').waitFor()
}

/** What is over a page or in place of it, all at Olivia's: where it begins, how one comes there, and what it shows then. */
export const MOMENTS = [
  { name: 'month', path: CALENDAR, go: (page) => page.getByRole('tab', { name: 'Month' }).click(), shows: (page) => page.getByRole('gridcell').first() },
  { name: 'agenda', path: CALENDAR, go: (page) => page.getByRole('tab', { name: 'Agenda' }).click(), shows: (page) => page.getByText('Consultation').first() },
  { name: 'event', path: CALENDAR, go: openEvent, shows: aDialog },
  { name: 'deleted', path: CALENDAR, go: deleteAndList, shows: (page) => aDialog(page).getByRole('listitem').first() },
  { name: 'unsaved', path: CALENDAR, go: leaveUnsaved, shows: (page) => page.getByText('has not been saved yet') },
  { name: 'disconnect', path: '/', go: askToDisconnect, shows: aDialog },
  { name: 'unreachable', path: '/', go: cutOff, shows: (page) => page.getByRole('alert') },
  { name: 'sign-in-again', path: CALENDAR, go: endSession, shows: (page) => page.getByRole('dialog', { name: 'Please sign in again' }) },
]

async function deleteAndList(page) {
  await page.getByRole('button', { name: 'New event' }).click()
  await aDialog(page).getByLabel('Title').fill('Made by mistake')
  await aDialog(page).getByRole('button', { name: 'Save' }).click()
  await page.getByText('Made by mistake').first().click()
  await aDialog(page).getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Undo' }).waitFor()
  await page.getByRole('button', { name: 'Deleted events' }).click()
}

async function leaveUnsaved(page) {
  await openEvent(page)
  await aDialog(page).getByLabel('Title').fill('Consultation, longer')
  await page.keyboard.press('Escape')
}

async function askToDisconnect(page) {
  // What the moment before left unsaved asks for nothing here.
  await page.evaluate(() => sessionStorage.clear())
  await page.getByRole('region', { name: ANN.google }).getByRole('button', { name: 'Disconnect' }).click()
  await aDialog(page).getByLabel(/^Remove the/).check()
}

async function cutOff(page) {
  await page.route('**/api/**', (route) => route.abort())
  await page.reload()
  await page.getByRole('alert').waitFor()
  await page.unroute('**/api/**')
}

async function endSession(page) {
  await openEvent(page)
  await page.context().clearCookies()
  await aDialog(page).getByRole('button', { name: 'Delete' }).click()
}

/** Accounts at Google and Microsoft, one in step and one whose grant was taken back. */
export async function furnish(world) {
  const olivia = await person(world)
  const at = (time) => ({ dateTime: `${DAY}T${time}:00`, timeZone: 'Europe/Berlin' })
  await google(world, 'POST', '', { summary: 'Consultation', start: at('10:00'), end: at('11:30') })
  await google(world, 'POST', '', { summary: 'A title that is much longer than its event is high and wide', start: at('10:30'), end: at('11:00') })
  await signIn(olivia, world, OLIVIA)
  await connect(olivia, world, 'google')
  const account = new URL(olivia.page.url()).pathname
  await choose(olivia, world, 'google')
  await connect(olivia, world, 'microsoft')
  await choose(olivia, world, 'microsoft')
  await operator(world, 'POST', '/grants/revoke', { face: 'microsoft', user: ANN.microsoft })
  // At Microsoft a token for access outlives the consent; it is the next one that is refused.
  await operator(world, 'POST', '/grants/expire', { face: 'microsoft', user: ANN.microsoft, tokens: 'access' })
  const revoked = olivia.page.getByRole('region', { name: ANN.microsoft })
  await revoked.getByRole('button', { name: 'Sync now' }).click()
  await revoked.getByText('Needs reconnecting').first().waitFor()
  await olivia.leave()
  await limit(world)
  await unread(world)
  return { choose: account, history: await disagree(world) }
}

/** A plan, whose limits are reached. */
async function limit({ told }) {
  const platform = (method, path, body) => ask(method, told.api + path, told.platform_token, body)
  const plan = { code: 'pro', name: 'Professional', permissions: { can_use_calendar_sync: true, can_use_webhooks: true } }
  await platform('POST', '/api/platform/plans/', { ...plan, quotas: { connections: 10, links: 3 } })
  await platform('PATCH', '/api/platform/tenants/demo/', { plan: 'pro' })
}

/** An event that cannot be read, at the CalDAV server. */
async function unread(world) {
  const { users, base } = world.told.sandbox.caldav
  const [{ user, password }] = users
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const work = links.find((one) => one.remote_calendar_id.includes('/dav/'))
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//pages//EN', 'BEGIN:VEVENT', 'UID:torn@example.com', 'DTSTAMP:20260101T000000Z', 'DTSTART:20260230T100000Z', 'SUMMARY:Torn', 'END:VEVENT', 'END:VCALENDAR', '']
  const headers = { Authorization: `Basic ${btoa(`${user}:${password}`)}`, 'Content-Type': 'text/calendar' }
  await fetch(new URL('torn.ics', new URL(work.remote_calendar_id, base)), { method: 'PUT', headers, body: lines.join('\r\n') })
  await api(world, 'POST', `/api/calendar/links/${work.id}/sync/`, {})
}

/** Both sides change the same, and many events are deleted at once; where the history is of one of them. */
async function disagree(world) {
  const next = new Date(Date.now() + 40 * 86_400_000).toISOString().slice(0, 10)
  const event = (summary, hour, description) => ({ summary, description, start: { dateTime: `${next}T${hour}:00:00Z` }, end: { dateTime: `${next}T${hour}:30:00Z` } })
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  const link = links.find((one) => one.remote_calendar_id === ANN.google)
  const change = (body) => api(world, 'PATCH', `/api/calendar/links/${link.id}/`, body)
  const ours = async (title) => {
    const { events } = await api(world, 'GET', `/api/calendar/calendars/${link.calendar_id}/events/?limit=1000`)
    return events.find((one) => one.event.title === title)
  }
  await api(world, 'POST', `/api/calendar/calendars/${link.calendar_id}/events/`, { title: 'Made here', start: `${next}T16:00:00`, timeZone: 'Europe/Berlin', duration: 'PT1H' })
  await atGoogle(world, 'Made here')
  for (let number = 1; number <= MANY; number++) await google(world, 'POST', '', event(`Slot ${number}`, '07'))
  await google(world, 'POST', '', event('Team lunch', '11', 'Bring the plans.'))
  await google(world, 'POST', '', event('Check-up of the autoclave', '14'))
  await arrives('they are here', () => ours('Check-up of the autoclave'))
  await change({ conflict_policy: 'ask', state: 'paused' })
  const lunch = await ours('Team lunch')
  await api(world, 'PATCH', `/api/calendar/events/${lunch.id}/`, { title: 'Team lunch at Lucia’s', description: 'Bring the plans for the new chairs, and the list of who is away in February.' })
  await google(world, 'PATCH', `/${(await atGoogle(world, 'Team lunch')).id}`, { summary: 'Lunch with everybody', description: 'No plans needed.' })
  const check = await ours('Check-up of the autoclave')
  await api(world, 'PATCH', `/api/calendar/events/${check.id}/`, { start: `${next}T09:00:00`, timeZone: 'Europe/Berlin' })
  await google(world, 'PATCH', `/${(await atGoogle(world, 'Check-up of the autoclave')).id}`, event('Check-up of the autoclave', '15'))
  for (const one of (await google(world, 'GET')).items) if (one.summary?.startsWith('Slot ')) await google(world, 'DELETE', `/${one.id}`)
  await change({ state: 'active' })
  await arrives('conflicts', async () => (await api(world, 'GET', '/api/calendar/conflicts/')).conflicts.length === 3)
  await arrives('deletions that are held', async () => (await api(world, 'GET', `/api/calendar/links/${link.id}/`)).link.held_deletions === MANY)
  const { id } = await ours('Consultation')
  await api(world, 'PATCH', `/api/calendar/events/${id}/`, { description: 'With X-rays.', locations: { 1: { '@type': 'Location', name: 'Room 2' } } })
  await arrives('it is written there', async () => (await api(world, 'GET', `/api/calendar/events/${id}/history/`)).versions.at(-1).written.some((one) => one.outcome === 'done'))
  return `/events/${id}`
}
