// axe finds nothing serious on any page, in both themes.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { demo, OLIVIA, person, signIn } from './harness.mjs'
import { arrive, furnish, MOMENTS, PAGES } from './pages.mjs'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let world
let paths
before(async () => {
  world = await demo()
  paths = await furnish(world)
})
after(() => world?.stop())

/** What axe holds for serious or critical, as lines one can act upon. */
async function serious(page) {
  // Into the page's own world, past its policy for scripts, which forbids just that to everybody else.
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`))
}

for (const colorScheme of ['light', 'dark']) {
  test(`no page has serious issues in ${colorScheme}`, async () => {
    const found = []
    const browsers = new Map()
    const nobody = await person(world, { colorScheme })
    await nobody.to('/')
    await nobody.page.getByLabel('Password').waitFor()
    found.push(...(await serious(nobody.page)).map((line) => `sign-in: ${line}`))
    await nobody.leave()
    for (const shown of PAGES) {
      const { name, who } = shown
      if (!browsers.has(who)) {
        browsers.set(who, await person(world, { colorScheme }))
        await signIn(browsers.get(who), world, who)
      }
      const { page } = browsers.get(who)
      await arrive(browsers.get(who), shown, paths)
      found.push(...(await serious(page)).map((line) => `${name}: ${line}`))
    }
    const { page, to } = browsers.get(OLIVIA)
    for (const { name, path, go, shows } of MOMENTS) {
      await to(path)
      await go(page)
      await shows(page).waitFor()
      found.push(...(await serious(page)).map((line) => `${name}: ${line}`))
    }
    for (const browser of browsers.values()) await browser.leave()
    assert.deepEqual(found, [])
  })
}
