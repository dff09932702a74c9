// Pictures of each page at three widths, light and dark: for eyes, not for comparison.

import { mkdir } from 'node:fs/promises'
import { demo, OLIVIA, person, signIn } from './harness.mjs'
import { arrive, furnish, MOMENTS, PAGES } from './pages.mjs'

const WIDTHS = [390, 820, 1440]
const HEIGHT = 900
const folder = new URL('../screenshots/', import.meta.url).pathname

await mkdir(folder, { recursive: true })
const world = await demo()
const paths = await furnish(world)
for (const width of WIDTHS) {
  for (const colorScheme of ['light', 'dark']) {
    const look = { colorScheme, viewport: { width, height: HEIGHT } }
    const nobody = await person(world, look)
    await nobody.to('/')
    await nobody.page.getByLabel('Password').waitFor()
    await nobody.page.screenshot({ path: `${folder}sign-in-${width}-${colorScheme}.png` })
    await nobody.leave()
    const browsers = new Map()
    for (const shown of PAGES) {
      const { name, who } = shown
      if (!browsers.has(who)) {
        browsers.set(who, await person(world, look))
        await signIn(browsers.get(who), world, who)
      }
      const { page } = browsers.get(who)
      await arrive(browsers.get(who), shown, paths)
      // Of a dialog one sees what the screen shows.
      await picture(page, `${name}-${width}-${colorScheme}`, (await page.getByRole('dialog').count()) === 0)
    }
    const { page, to } = browsers.get(OLIVIA)
    for (const { name, path, go, shows } of MOMENTS) {
      await to(path)
      await go(page)
      await shows(page).waitFor({ state: 'attached' })
      await picture(page, `${name}-${width}-${colorScheme}`, false)
    }
    for (const browser of browsers.values()) await browser.leave()
  }
}
await world.stop()
console.log(`the pictures are in ${folder}`)

async function picture(page, name, fullPage) {
  const cut = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (cut > 0) console.log(`${name}: ${cut} px wider than the screen`)
  await page.screenshot({ path: `${folder}${name}.png`, fullPage })
}
