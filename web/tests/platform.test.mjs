// The platform's pages, and what a plan's limits look like to those who have it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ANN, api, ask, choose, connect, demo, google, OLIVIA, operator, person, ROOT, signIn } from './harness.mjs'

const SECRET = 'Root canal of Mr Example'

let world
let root
let olivia
before(async () => {
  world = await demo()
  root = await person(world)
  olivia = await person(world)
  const day = new Date().toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })
  const at = (time) => ({ dateTime: `${day}T${time}:00`, timeZone: 'Europe/Berlin' })
  await google(world, 'POST', '', { summary: SECRET, start: at('10:00'), end: at('11:30') })
  await signIn(root, world, ROOT)
  await signIn(olivia, world, OLIVIA)
})
after(async () => {
  await root?.leave()
  await olivia?.leave()
  await world?.stop()
})

const item = (name) => root.page.getByRole('listitem').filter({ hasText: name })
const platform = (path) => ask('GET', world.told.api + path, world.told.platform_token)
const limit = (links) => ask('PATCH', `${world.told.api}/api/platform/plans/`, world.told.platform_token, { code: 'small', quotas: { links } })

test('a plan is made with features and limits, and changed', async () => {
  const { page, to } = root
  await to('/platform')
  await page.getByRole('navigation', { name: 'Pages of the platform' }).getByRole('link', { name: 'Plans' }).click()
  await page.getByRole('heading', { name: 'Plans' }).waitFor()
  await page.getByText('There is no plan yet.').waitFor()
  await page.getByRole('button', { name: 'New plan' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Small')
  await dialog.getByLabel('Short name').fill('small')
  await dialog.getByLabel('Calendar Sync').check()
  await dialog.getByLabel('Calendars in step').fill('9')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The plan Small is saved.').waitFor()
  const plan = item('Small')
  await plan.getByText('Calendars in step: 9').waitFor()
  await plan.getByText('Accounts: not limited').waitFor()
  await plan.getByRole('button', { name: 'Edit the plan Small' }).click()
  await dialog.getByLabel('Calendars in step').fill('2')
  await dialog.getByLabel('Accounts').fill('3')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await plan.getByText('Calendars in step: 2').waitFor()
  const { plans } = await platform('/api/platform/plans/')
  assert.deepEqual(plans, [{ code: 'small', name: 'Small', permissions: plans[0].permissions, quotas: { connections: 3, links: 2 } }])
  assert.equal(plans[0].permissions.can_use_calendar_sync, true)
})

test('a refusal stays in the form, with what was typed', async () => {
  const { page } = root
  await page.getByRole('button', { name: 'New plan' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Another')
  await dialog.getByLabel('Short name').fill('small')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByRole('alert').getByText('There is a plan small already').waitFor()
  assert.equal(await dialog.getByLabel('Name', { exact: true }).inputValue(), 'Another')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
})

test('a business gets the plan; its usage stands beside the limits, and each feature says why', async () => {
  const { page, to } = root
  await to('/platform')
  const demo = item('Demo Dental')
  await page.getByLabel('Plan: Demo Dental').selectOption('small')
  await demo.getByText('1 of 2').waitFor()
  await demo.getByText('1 of 3').waitFor()
  await demo.getByText('Features').click()
  const sync = page.getByLabel('Calendar Sync: Demo Dental')
  const row = demo.getByRole('listitem').filter({ has: sync })
  await row.getByText('on, set for this business').waitFor()
  await sync.selectOption('inherit')
  await row.getByText('on, by its plan').waitFor()
  const { features } = await api(world, 'GET', '/api/tenant/features/')
  assert.equal(features.find((one) => one.code === 'can_use_calendar_sync').source, 'plan')
  await page.getByLabel('Find a business').fill('no such')
  await page.getByText('No business is called that.').waitFor()
  await page.getByLabel('Find a business').fill('demo')
  await demo.waitFor()
  assert.equal(await item('Rival Dental').count(), 0)
})

test('the limits are seen before they are exceeded', async () => {
  const { page } = olivia
  await connect(olivia, world, 'google')
  const plan = page.getByRole('region', { name: 'Your plan' })
  await plan.getByText('1 of 2').waitFor()
  await page.getByText(/can be read and written · The preview tells/).first().waitFor()
  const direction = page.getByLabel(`Direction: ${ANN.google}`)
  const go = page.getByRole('button', { name: 'Keep 1 calendar in step' })
  await direction.selectOption('pull')
  await plan.getByText('with your choice 2 of 2').waitFor()
  assert.equal(await go.isEnabled(), true)
  await limit(1)
  await page.reload()
  await plan.getByText('1 of 1').waitFor()
  await direction.selectOption('pull')
  await page.getByText('Your plan allows 1 calendar in step.').waitFor()
  assert.equal(await go.isEnabled(), false)
  await limit(2)
  await page.reload()
  await choose(olivia, world, 'google')
})

test('health counts links by how they are, and knows no titles', async () => {
  const { page, to } = root
  await to('/platform/health')
  await page.getByRole('heading', { name: 'Health of syncs' }).waitFor()
  const demo = item('Demo Dental')
  await demo.getByText('2 in step').waitFor()
  await demo.getByText(/^last success /).waitFor()
  await item('Rival Dental').getByText('keeps no calendar in step').waitFor()
  await operator(world, 'POST', '/grants/revoke', { face: 'google', user: ANN.google })
  await olivia.page.getByRole('region', { name: ANN.google }).getByRole('button', { name: 'Sync now' }).click()
  await olivia.page.getByText('Needs reconnecting').first().waitFor()
  await page.reload()
  await demo.getByText('1 needs reconnecting').waitFor()
  assert.equal((await page.content()).includes(SECRET), false)
  for (const path of ['/api/platform/health/', '/api/platform/usage/']) {
    assert.equal(JSON.stringify(await platform(path)).includes(SECRET), false)
  }
})

test('the audit of all businesses is a page of the platform, in German too', async () => {
  const { page } = root
  await page.getByRole('navigation', { name: 'Pages of the platform' }).getByRole('link', { name: 'Audit' }).click()
  await page.getByText('plan.create').first().waitFor()
  await page.getByLabel('Language').selectOption('de')
  await page.getByRole('navigation', { name: 'Seiten der Plattform' }).getByRole('link', { name: 'Tarife' }).click()
  await item('Small').getByText('Abgeglichene Kalender: 2').waitFor()
  await page.getByLabel('Sprache').selectOption('en')
})
