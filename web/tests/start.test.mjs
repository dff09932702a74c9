// How the app comes up: what it weighs, and what is seen before it is there.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { demo, OLIVIA, person, signIn } from './harness.mjs'

/** Of JavaScript, compressed, on the way to the first page. */
const WEIGHT_BYTES_MAX = 200_000

let world
before(async () => (world = await demo()))
after(() => world?.stop())

test('the first page brings less than 200 kB of JavaScript, and nothing from elsewhere', async () => {
  const olivia = await person(world)
  await signIn(olivia, world, OLIVIA)
  await olivia.to('/')
  await olivia.page.getByRole('heading', { level: 2 }).first().waitFor()
  const loaded = await olivia.page.evaluate(() => performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => [name, encodedBodySize]))
  const scripts = loaded.filter(([name]) => name.endsWith('.js'))
  const weight = scripts.reduce((sum, [, size]) => sum + size, 0)
  assert.ok(weight > 0 && weight < WEIGHT_BYTES_MAX, `${weight} bytes in ${scripts.length} files`)
  const elsewhere = loaded.filter(([name]) => !name.startsWith(`${world.told.api}/`))
  assert.deepEqual(elsewhere, [])
  await olivia.leave()
})

for (const [scheme, paper] of [
  ['light', 'rgb(245, 246, 249)'],
  ['dark', 'rgb(18, 21, 28)'],
]) {
  test(`while styles and program are on their way the page has a face, in the ${scheme} theme`, async () => {
    const olivia = await person(world, { colorScheme: scheme })
    await signIn(olivia, world, OLIVIA)
    let letGo
    const held = new Promise((done) => (letGo = done))
    await olivia.page.route(/\/app\//, async (route) => {
      await held
      await route.continue()
    })
    await olivia.page.goto(`${world.told.api}/`, { waitUntil: 'commit' })
    const shell = olivia.page.locator('#shell')
    await shell.getByText('Kalends').waitFor()
    assert.equal(await shell.evaluate((one) => getComputedStyle(one).backgroundColor), paper)
    letGo()
    await olivia.page.getByRole('heading', { name: 'Sync status' }).waitFor()
    await shell.waitFor({ state: 'detached' })
    // The one policy that allows that style forbids every other: nothing was complained about.
    await olivia.leave()
  })
}
