// A business whose plan has no calendar sync, and the administrator who gives it that.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { arrives, demo, person, RITA, ROOT, signIn } from './harness.mjs'

let world
let rita
let root
before(async () => {
  world = await demo()
  rita = await person(world)
  root = await person(world)
})
after(async () => {
  await rita?.leave()
  await root?.leave()
  await world?.stop()
})

const upgrade = () => rita.page.getByRole('heading', { name: 'Calendar Sync is not part of your plan' })

test('without the feature the pages say what to do, and offer no dead button', async () => {
  await signIn(rita, world, RITA)
  await upgrade().waitFor()
  assert.equal(await rita.page.getByRole('link', { name: 'Connect a calendar' }).count(), 0)
  for (const path of ['/connect', '/calendar', '/conflicts']) {
    await rita.to(path)
    await upgrade().waitFor()
    assert.equal(await rita.page.getByRole('alert').count(), 0, path)
  }
  await rita.to('/')
  await upgrade().waitFor()
})

test('an administrator grants it, and the open page comes alive', async () => {
  await rita.page.evaluate(() => (window.notReloaded = true))
  await signIn(root, world, ROOT)
  await root.to('/platform')
  const sync = root.page.getByLabel('Calendar Sync for Rival Dental')
  assert.equal(await sync.isChecked(), false)
  await sync.check()
  await rita.page.getByRole('heading', { name: 'No account is connected yet.' }).waitFor()
  await rita.page.getByRole('link', { name: 'Connect a calendar' }).waitFor()
  assert.equal(await rita.page.evaluate(() => window.notReloaded), true)
})

test('and takes it back: nothing can be begun any more', async () => {
  await root.page.getByLabel('Calendar Sync for Rival Dental').uncheck()
  await upgrade().waitFor()
})

test('an invited owner accepts, and finds the own business', async () => {
  const { page } = root
  await page.getByLabel('E-mail address of its owner').fill('nora@nova.example')
  await page.getByLabel('Name of the business').fill('Nova Physio')
  await page.getByLabel('Short name (subdomain)').fill('nova')
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  const link = page.getByText(/\/invitations\//)
  await link.waitFor()
  const nora = await person(world)
  try {
    await nora.page.goto(await link.textContent())
    await nora.page.locator('input[name=name]').fill('Nora')
    await nora.page.locator('input[name=password]').fill('a long password of hers')
    await nora.page.locator('button').first().click()
    await nora.page.getByRole('heading', { name: 'Welcome' }).waitFor()
    await nora.page.getByRole('link').first().click()
    await nora.page.getByRole('heading', { name: 'No account is connected yet.' }).waitFor()
    await arrives('the business is named', async () => (await nora.page.getByText('Nova Physio').count()) > 0)
  } finally {
    await nora.leave()
  }
})
