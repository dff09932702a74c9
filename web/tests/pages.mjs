// Each page of the app in a world where it has something to show, for the tests of accessibility and the pictures.

import { ANN, choose, connect, google, OLIVIA, operator, person, RITA, ROOT, signIn } from './harness.mjs'

/** What a page is called, whose it is, where it is, and what is on it when it is complete. */
export const PAGES = [
  { name: 'status', who: OLIVIA, path: '/', shows: (page) => page.getByRole('region', { name: ANN.google }) },
  { name: 'connect', who: OLIVIA, path: '/connect', shows: (page) => page.getByText('iCloud') },
  { name: 'connect-icloud', who: OLIVIA, path: '/connect?with=icloud', shows: (page) => page.getByLabel('App password') },
  { name: 'choose', who: OLIVIA, path: null, shows: (page) => page.getByLabel(/^Direction: /).first() },
  { name: 'calendar', who: OLIVIA, path: '/calendar', shows: (page) => page.getByText('Consultation').first() },
  { name: 'conflicts', who: OLIVIA, path: '/conflicts', shows: (page) => page.getByText('No conflicts.') },
  { name: 'members', who: OLIVIA, path: '/members', shows: (page) => page.getByText('Mona Manager') },
  { name: 'tokens', who: OLIVIA, path: '/tokens', shows: (page) => page.getByText('demo').first() },
  { name: 'audit', who: OLIVIA, path: '/audit', shows: (page) => page.getByText('link.create').first() },
  { name: 'upgrade', who: RITA, path: '/', shows: (page) => page.getByText('Calendar Sync is not part of your plan') },
  { name: 'platform', who: ROOT, path: '/platform', shows: (page) => page.getByText('Rival Dental') },
]

/** Accounts at Google and Microsoft, one in step and one whose grant was taken back. */
export async function furnish(world) {
  const olivia = await person(world)
  const day = new Date().toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })
  const at = (time) => ({ dateTime: `${day}T${time}:00`, timeZone: 'Europe/Berlin' })
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
