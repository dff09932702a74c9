// Lighthouse on the status page of the built app, as a phone on a slow line sees it. Fails where the page is worse than it is held to be.

import { createServer } from 'node:net'
import lighthouse from 'lighthouse'
import { choose, connect, demo, OLIVIA, person, signIn } from '../tests/harness.mjs'

/** What the page is held to, of 100. */
const LEAST = { performance: 95, accessibility: 95, 'best-practices': 95 }

const port = await freePort()
const world = await demo([], [`--remote-debugging-port=${port}`])
try {
  const olivia = await person(world)
  await signIn(olivia, world, OLIVIA)
  await connect(olivia, world, 'google')
  await choose(olivia, world, 'google')
  await olivia.leave()
  const told = await lighthouse(`${world.told.api}/`, {
    port,
    logLevel: 'error',
    onlyCategories: Object.keys(LEAST),
    extraHeaders: { Authorization: `Bearer ${world.told.tenants.demo.owner_token}` },
  })
  const { categories, audits } = told.lhr
  for (const [name, least] of Object.entries(LEAST)) {
    const points = Math.round(categories[name].score * 100)
    console.log(`${name.padEnd(16)}${String(points).padStart(4)}  (at least ${least})`)
    if (points >= least) continue
    process.exitCode = 1
    const worse = categories[name].auditRefs.map(({ id }) => audits[id]).filter(({ score }) => score !== null && score < 1)
    for (const { title, displayValue = '' } of worse) console.log(`  ${title} ${displayValue}`)
  }
  for (const id of ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift', 'total-byte-weight']) {
    console.log(`${audits[id].title}: ${audits[id].displayValue}`)
  }
} finally {
  await world.stop()
}

async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}
