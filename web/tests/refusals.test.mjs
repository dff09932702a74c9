// What was refused, did not arrive, or cannot be done is told in words, and never shown as if it had been done.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { ANN, api, arrives, ask, connect, demo, OLIVIA, person, ROOT, signIn } from './harness.mjs'
import { de } from './words.mjs'

const STAN = 'stan@demo.example'
const CARL = 'carl@demo.example'
/** More than two pages of the audit log. */
const MANY = 230

let world
let olivia
let root
before(async () => {
  world = await demo()
  olivia = await person(world)
  root = await person(world)
  await signIn(olivia, world, OLIVIA)
  await signIn(root, world, ROOT)
})
after(async () => {
  await olivia?.leave()
  await root?.leave()
  await world?.stop()
})
afterEach(async () => {
  await olivia.page.unrouteAll()
  await root.page.unrouteAll()
})

const platform = (method, path, body) => ask(method, world.told.api + path, world.told.platform_token, body)
const unreachable = (page) => page.getByRole('alert').getByText('The server cannot be reached.')
/** The requests of this method that go out from now on. */
function sent(page, method) {
  const found = []
  page.on('request', (request) => request.method() === method && found.push(request))
  return found
}
/** Cuts the writes; what is read comes through. */
const cutWrites = (page, address) => page.route(address, (route) => (route.request().method() === 'GET' ? route.continue() : route.abort()))
const shows = (control, value) => arrives(`it says ${value} again`, async () => (await control.inputValue()) === value)

test('a rule that the server refuses goes back to what the server says', async () => {
  const { page, to } = olivia
  await to('/')
  const rule = page.getByLabel('When both sides changed').first()
  const before = await rule.inputValue()
  const other = before === 'local' ? 'remote' : 'local'
  await page.route('**/api/calendar/links/*/', (route) =>
    route.request().method() === 'PATCH' ? route.fulfill({ status: 500, json: { code: 'internal_error', error: 'Something went wrong.' } }) : route.continue(),
  )
  await rule.selectOption(other)
  await page.getByRole('alert').getByText('Something went wrong.').waitFor()
  await shows(rule, before)
  await page.unrouteAll()
  await rule.selectOption(other)
  await arrives('it is changed now', async () => (await api(world, 'GET', '/api/calendar/links/')).links[0].conflict_policy === other)
  assert.equal(await rule.inputValue(), other)
})

test('and so it does for somebody whose role does not allow it', async () => {
  const stan = await person(world)
  await signIn(stan, world, STAN)
  const rule = stan.page.getByLabel('When both sides changed').first()
  const before = await rule.inputValue()
  await rule.selectOption(before === 'ask' ? 'newest' : 'ask')
  await stan.page.getByRole('alert').getByText('Your role does not allow that.').waitFor()
  await shows(rule, before)
  await stan.leave()
})

test('pausing says that it waits, and not that it syncs', async () => {
  const { page, to } = olivia
  await to('/')
  const pause = page.getByRole('button', { name: 'Pause' }).first()
  await pause.waitFor()
  await page.route('**/api/calendar/links/*/', async (route) => {
    if (route.request().method() === 'PATCH') await page.getByText('One moment …').waitFor()
    await route.continue()
  })
  await pause.click()
  await page.getByText('One moment …').waitFor()
  assert.equal(await page.getByText('Syncing …').count(), 0)
  await page.getByText('Paused', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Resume' }).first().click()
  await pause.waitFor()
})

test('a role that did not arrive is not shown', async () => {
  const { page, to } = olivia
  await to('/members')
  const role = page.getByLabel('Role of Mona Manager')
  await cutWrites(page, '**/api/tenant/members/')
  await role.selectOption('customer')
  await unreachable(page).waitFor()
  await shows(role, 'manager')
})

test('neither are a plan, a feature and Calendar Sync of a business', async () => {
  const { page, to } = root
  await platform('POST', '/api/platform/plans/', { code: 'small', name: 'Small', permissions: {}, quotas: {} })
  await to('/platform')
  const sync = page.getByLabel('Calendar Sync for Demo Dental')
  const plan = page.getByLabel('Plan: Demo Dental')
  await page.getByLabel('Features: Demo Dental').click()
  const feature = page.getByLabel('Calendar Sync: Demo Dental')
  await cutWrites(page, '**/api/platform/tenants/**')
  await sync.click()
  await unreachable(page).waitFor()
  await arrives('the box is ticked again', () => sync.isChecked())
  await plan.selectOption('small')
  await shows(plan, '')
  await feature.selectOption('off')
  await shows(feature, 'on')
})

test('two clicks invite once', async () => {
  const { page, to } = root
  await to('/platform')
  await page.getByLabel('E-mail address of its owner').fill('nina@nine.example')
  await page.getByLabel('Name of the business').fill('Nine')
  await page.getByLabel('Short name (subdomain)').fill('nine')
  const posts = sent(page, 'POST')
  await page.getByRole('button', { name: 'Invite', exact: true }).evaluate((button) => (button.click(), button.click()))
  await page.getByText(/\/invitations\//).waitFor()
  assert.equal(posts.length, 1)
  const { invitations } = await platform('GET', '/api/platform/invitations/')
  assert.equal(invitations.filter((one) => one.tenant_name === 'Nine').length, 1)
})

test('two clicks revoke a token once', async () => {
  const { page, to } = olivia
  await to('/tokens')
  await page.getByLabel('What it is for').fill('Clicked twice')
  await page.getByRole('button', { name: 'Make a token' }).click()
  const token = page.getByRole('listitem').filter({ hasText: 'Clicked twice' })
  const deletes = sent(page, 'DELETE')
  await token.getByRole('button', { name: 'Revoke' }).evaluate((button) => (button.click(), button.click()))
  await token.getByText('revoked').waitFor()
  assert.equal(deletes.length, 1)
})

test('what was typed for one provider is not in the form of another', async () => {
  const { page, to } = olivia
  await to('/connect')
  await page.getByRole('link', { name: /iCloud/ }).click()
  await page.getByLabel('User name').fill('ann@icloud.example')
  await page.getByLabel('App password').fill('apple-secret')
  await page.getByLabel('Name (optional)').fill('Mine')
  await page.getByRole('link', { name: '← Back' }).click()
  await page.getByRole('link', { name: /Nextcloud/ }).click()
  for (const field of ['Server address', 'User name', 'App password', 'Name (optional)']) assert.equal(await page.getByLabel(field).inputValue(), '', field)
  await page.getByLabel('Server address').fill('https://cloud.example/secret')
  await page.getByRole('link', { name: '← Back' }).click()
  await page.getByRole('link', { name: /^ICS/ }).click()
  assert.equal(await page.getByLabel('Address of the calendar').inputValue(), '')
})

test('an account that must be connected again tells no next look, and leads to its form, filled in but for the password', async () => {
  const { page, to } = olivia
  const { base, users } = world.told.sandbox.caldav
  await to('/connect?with=caldav')
  await page.getByLabel('Server address').fill(base)
  await page.getByLabel('User name').fill(users[0].user)
  await page.getByLabel('Password').fill(users[0].password)
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('heading', { name: 'Choose calendars' }).waitFor()
  await page.route('**/api/calendar/list/', async (route) => {
    const answer = await route.fetch()
    const body = await answer.json()
    for (const one of body.calendars) one.is_valid = false
    await route.fulfill({ response: answer, json: body })
  })
  await to('/')
  await page.getByText('Needs reconnecting').first().waitFor()
  await page.getByText(/^Last woken/).first().waitFor()
  assert.equal(await page.getByText(/Next look|Looks every few minutes|Hears of changes/).count(), 0)
  await page.getByRole('link', { name: 'Reconnect' }).first().click()
  assert.equal(await page.getByLabel('Server address').inputValue(), base)
  assert.equal(await page.getByLabel('User name').inputValue(), users[0].user)
  assert.equal(await page.getByLabel('Password').inputValue(), '')
})

test('a consent that came to nothing is told in words, in both languages', async () => {
  const { page, to } = olivia
  await to('/connect')
  await page.getByRole('button', { name: 'Google Calendar' }).click()
  await page.locator(`input[name=account][value="${ANN.google}"]`).check()
  await page.locator('button[name=decision][value=deny]').click()
  await page.getByText('The account was not connected: you did not allow Kalends to use it.').waitFor()
  const german = await person(world, { locale: 'de-DE' })
  await german.to('/')
  await german.page.getByLabel(de['signIn.email']).fill(OLIVIA)
  await german.page.getByLabel(de['signIn.password']).fill(world.told.password)
  await german.page.getByRole('button', { name: de['signIn.go'] }).click()
  await german.page.getByRole('heading', { name: de['status.title'] }).waitFor()
  for (const code of ['role_required', 'access_denied', 'missing_scopes', 'some_code_of_tomorrow', 'quota_exceeded']) {
    await german.to(`/?provider=google&error=${code}`)
    const told = await german.page.getByRole('alert').filter({ hasText: 'nicht verbunden' }).innerText()
    assert.match(told, /^Das Konto wurde nicht verbunden: .{20}/)
    assert.ok(!told.includes('_'), told)
  }
  await german.leave()
})

test('a customer and somebody who looks after no platform are told so, and offered nothing that cannot work', async () => {
  const carl = await person(world)
  await signIn(carl, world, CARL)
  await carl.page.getByText('You belong to this business as a customer.').waitFor()
  assert.equal(await carl.page.getByRole('link', { name: /Calendar|Conflicts|Connect/ }).count(), 0)
  assert.equal(await carl.page.getByRole('alert').count(), 0)
  await carl.to('/connect')
  await carl.page.getByText('You belong to this business as a customer.').waitFor()
  await carl.leave()
  const { page, to } = olivia
  for (const path of ['/platform', '/platform/plans', '/platform/audit']) {
    await to(path)
    await page.getByText('These pages are for those who look after the whole installation.').waitFor()
    assert.equal(await page.getByRole('main').getByRole('textbox').count(), 0)
  }
})

test('an address that is no text is a page that is not there', async () => {
  const { page, to } = olivia
  await to('/events/%E0%A4%A')
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
})

test('two clicks on “Show older” show what is older once, and the list goes on', async () => {
  const { page, to } = olivia
  const { calendar } = await api(world, 'POST', '/api/calendar/calendars/', { name: 'Of its own' })
  for (let number = 0; number < MANY; number++) {
    await api(world, 'POST', `/api/calendar/calendars/${calendar.id}/events/`, { title: `Entry ${number}`, start: '2030-01-01T09:00:00', timeZone: 'Europe/Berlin', duration: 'PT1H' })
  }
  await to('/audit')
  const entries = page.getByRole('main').getByRole('listitem')
  await entries.first().waitFor()
  const page1 = await entries.count()
  const older = page.getByRole('button', { name: 'Show older' })
  await older.evaluate((button) => (button.click(), button.click()))
  await arrives('the second page', async () => (await entries.count()) === 2 * page1)
  await older.click()
  await arrives('what is older still', async () => (await entries.count()) > 2 * page1)
})

test('the audit says how it looks for words, and shows single writes when asked to', async () => {
  const { page, to } = olivia
  const { links } = await api(world, 'GET', '/api/calendar/links/')
  await api(world, 'POST', `/api/calendar/calendars/${links[0].calendar_id}/events/`, { title: 'Written there', start: '2030-01-02T09:00:00', timeZone: 'Europe/Berlin', duration: 'PT1H' })
  await arrives('it is on record', async () => (await api(world, 'GET', '/api/tenant/audit/?writes=true')).entries.some((one) => one.action.startsWith('remote.')))
  await to('/audit')
  await page.getByText('Both match the whole word').waitFor()
  await page.getByText('event.create').first().waitFor()
  assert.equal(await page.getByText(/^remote\./).count(), 0)
  await page.getByLabel('with each write to an account').check()
  await page.getByText(/^remote\./).first().waitFor()
  await page.getByLabel('with each write to an account').uncheck()
  await page.getByText(/^remote\./).first().waitFor({ state: 'detached' })
})
