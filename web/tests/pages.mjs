// Each page of the app in a world where it has something to show, for the tests of accessibility and the pictures.

import { ANN, CALENDAR, choose, connect, DAY, google, OLIVIA, operator, person, RITA, ROOT, signIn } from './harness.mjs'

/** What a page is called, whose it is, where it is, and what is on it when it is complete. */
export const PAGES = [
  { name: 'status', who: OLIVIA, path: '/', shows: (page) => page.getByRole('region', { name: ANN.google }) },
  { name: 'connect', who: OLIVIA, path: '/connect', shows: (page) => page.getByText('iCloud') },
  { name: 'connect-icloud', who: OLIVIA, path: '/connect?with=icloud', shows: (page) => page.getByLabel('App password') },
  { name: 'choose', who: OLIVIA, path: null, shows: (page) => page.getByLabel(/^Direction: /).first() },
  { name: 'calendar', who: OLIVIA, path: CALENDAR, shows: (page) => page.getByText('Consultation').first() },
  { name: 'conflicts', who: OLIVIA, path: '/conflicts', shows: (page) => page.getByText('No conflicts.') },
  { name: 'members', who: OLIVIA, path: '/members', shows: (page) => page.getByText('Mona Manager') },
  { name: 'tokens', who: OLIVIA, path: '/tokens', shows: (page) => page.getByText('demo').first() },
  { name: 'audit', who: OLIVIA, path: '/audit', shows: (page) => page.getByText('link.create').first() },
  { name: 'upgrade', who: RITA, path: '/', shows: (page) => page.getByText('Calendar Sync is not part of your plan') },
  { name: 'platform', who: ROOT, path: '/platform', shows: (page) => page.getByText('Rival Dental') },
]

const dialog = (page) => page.getByRole('dialog')
const openEvent = async (page) => {
  await page.getByText('Consultation').first().click()
  await dialog(page).getByLabel('Title').waitFor()
}

/** What is over a page or in place of it, all at Olivia's: where it begins, how one comes there, and what it shows then. */
export const MOMENTS = [
  { name: 'month', path: CALENDAR, go: (page) => page.getByRole('tab', { name: 'Month' }).click(), shows: (page) => page.getByRole('gridcell').first() },
  { name: 'agenda', path: CALENDAR, go: (page) => page.getByRole('tab', { name: 'Agenda' }).click(), shows: (page) => page.getByText('Consultation').first() },
  { name: 'event', path: CALENDAR, go: openEvent, shows: dialog },
  { name: 'unsaved', path: CALENDAR, go: leaveUnsaved, shows: (page) => page.getByText('has not been saved yet') },
  { name: 'disconnect', path: '/', go: askToDisconnect, shows: dialog },
  { name: 'history', path: CALENDAR, go: openHistory, shows: (page) => page.getByRole('heading', { name: /^Version 1/ }) },
  { name: 'unreachable', path: '/', go: cutOff, shows: (page) => page.getByRole('alert') },
  { name: 'sign-in-again', path: CALENDAR, go: endSession, shows: (page) => page.getByRole('dialog', { name: 'Please sign in again' }) },
]

async function leaveUnsaved(page) {
  await openEvent(page)
  await dialog(page).getByLabel('Title').fill('Consultation, longer')
  await page.keyboard.press('Escape')
}

async function askToDisconnect(page) {
  // What the moment before left unsaved asks for nothing here.
  await page.evaluate(() => sessionStorage.clear())
  await page.getByRole('region', { name: ANN.google }).getByRole('button', { name: 'Disconnect' }).click()
  await dialog(page).getByLabel(/^Remove the events/).check()
}

async function openHistory(page) {
  await openEvent(page)
  await dialog(page).getByRole('link', { name: 'History' }).click()
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
  await dialog(page).getByRole('button', { name: 'Delete' }).click()
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
  return { choose: account }
}
