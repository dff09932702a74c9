// The same app in German, and as people write dates and begin weeks where they live.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allow, ANN, api, atGoogle, CALENDAR, DAY, demo, google, OLIVIA, person } from './harness.mjs'
import { PAGES } from './pages.mjs'
import { de, en, texts } from './words.mjs'

let world
let olivia
before(async () => {
  world = await demo()
  olivia = await person(world, { locale: 'de-DE' })
  const at = (time) => ({ dateTime: `${DAY}T${time}:00`, timeZone: 'Europe/Berlin' })
  await google(world, 'POST', '', { summary: 'Beratung', start: at('10:00'), end: at('11:00') })
})
after(async () => {
  await olivia?.leave()
  await world?.stop()
})

/** Signs in, in whatever language the browser asks for. */
async function enter({ page, to }, words) {
  await to('/')
  await page.getByLabel(words['signIn.email']).fill(OLIVIA)
  await page.getByLabel(words['signIn.password']).fill(world.told.password)
  await page.getByRole('button', { name: words['signIn.go'] }).click()
  await page.getByRole('button', { name: words['nav.signOut'] }).waitFor()
}

const account = () => olivia.page.getByRole('region', { name: ANN.google })

test('in German: a wrong password, and then the right one', async () => {
  const { page, to } = olivia
  await to('/')
  assert.equal(await page.locator('html').getAttribute('lang'), 'de')
  await page.getByLabel('E-Mail-Adresse').fill(OLIVIA)
  await page.getByLabel('Passwort').fill('falsch')
  await page.getByRole('button', { name: 'Anmelden' }).click()
  await page.getByRole('alert').getByText('E-Mail-Adresse oder Passwort stimmen nicht.').waitFor()
  await enter(olivia, de)
  assert.equal(await page.title(), 'Sync-Status · Kalends')
})

test('in German: an account is connected', async () => {
  const { page } = olivia
  await page.getByRole('link', { name: 'Kalender verbinden' }).click()
  await page.getByRole('button', { name: 'Google Calendar' }).click()
  await allow(page, world, 'google')
  await page.getByRole('heading', { name: de['choose.title'] }).waitFor()
  const id = new URL(page.url()).pathname.split('/').pop()
  const { calendars } = await api(world, 'GET', `/api/calendar/connections/${id}/calendars/`)
  const { name } = calendars.find((one) => one.id === ANN.google)
  await page.getByLabel(`${de['choose.direction']}: ${name}`, { exact: true }).selectOption('two_way')
  await page.getByRole('button', { name: de['choose.go'].one.replace('{n}', '1') }).click()
  await account().getByText(de['status.inStep'], { exact: true }).waitFor()
})

test('in Germany the week begins on Monday, and the clock has 24 hours', async () => {
  const { page, to } = olivia
  await to(CALENDAR)
  await page.getByText('Beratung').first().waitFor()
  const days = await page.getByRole('columnheader').allTextContents()
  assert.match(days.find((text) => /\p{L}/u.test(text)), /^Mo/)
  assert.doesNotMatch(await page.getByRole('main').innerText(), /\b(AM|PM)\b/i)
})

test('in German: a new event goes out', async () => {
  const { page } = olivia
  await page.getByRole('button', { name: 'Neuer Termin' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Titel').fill('Vorsorge')
  await dialog.getByLabel('Kalender').selectOption({ label: ANN.google })
  await dialog.getByRole('button', { name: 'Speichern' }).click()
  await dialog.waitFor({ state: 'detached' })
  await atGoogle(world, 'Vorsorge')
})

test('no page says anything in English', async () => {
  const { page, to } = olivia
  const german = new Set(Object.values(de).flatMap(texts))
  const english = new Set(Object.values(en).flatMap(texts).filter((text) => !german.has(text) && !text.includes('{')))
  for (const { name, who, path } of PAGES) {
    if (who !== OLIVIA || path === null) continue
    await to(path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.locator('[aria-busy=true]').waitFor({ state: 'detached' })
    const lines = (await page.locator('body').innerText()).split('\n').map((line) => line.trim())
    assert.deepEqual(lines.filter((line) => english.has(line)), [], name)
  }
})

test('language and theme are changed in the app, at once and for the next visit', async () => {
  const { page, to } = olivia
  await to('/')
  await page.getByLabel('Sprache').selectOption('en')
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  assert.equal(await page.locator('html').getAttribute('lang'), 'en')
  const theme = () => page.locator('html').getAttribute('data-theme')
  assert.equal(await theme(), 'light')
  await page.getByRole('button', { name: 'Light or dark' }).click()
  assert.equal(await theme(), 'dark')
  await page.reload()
  await page.getByRole('heading', { name: 'Sync status' }).waitFor()
  assert.equal(await theme(), 'dark')
  await page.getByLabel('Language').selectOption('de')
  await page.getByRole('heading', { name: 'Sync-Status' }).waitFor()
})

test('elsewhere the week begins on Sunday, and an event says what time it is where it is', async () => {
  const john = await person(world, { locale: 'en-US', timezoneId: 'America/New_York' })
  const { page, to } = john
  await enter(john, en)
  await to(CALENDAR)
  await page.getByText('Beratung (10:00 AM Berlin)').first().waitFor()
  const days = await page.getByRole('columnheader').allTextContents()
  assert.match(days.find((text) => /\p{L}/u.test(text)), /^Sun/)
  await page.getByText('Beratung').first().click()
  await page.getByRole('dialog').getByText(/^These are the times in Berlin\. In New York it is .*4:00/).waitFor()
  await john.leave()
})
