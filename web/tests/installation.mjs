// `kalends serve` on a database of its own, which outlives it: it can be killed and come back.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { ask, OLIVIA, PROGRAM } from './harness.mjs'

const PASSWORD = 'a long password of hers'

/** A business with calendar sync, an owner and one calendar. */
export async function installation() {
  const folder = await mkdtemp(join(tmpdir(), 'kalends-web-'))
  const listen = `127.0.0.1:${await freePort()}`
  const env = { ...process.env, KALENDS_DATABASE: `sqlite:${join(folder, 'kalends.db')}`, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, PASSWORD }
  const run = async (...args) => JSON.parse((await promisify(execFile)(PROGRAM, [...args, '--json'], { env })).stdout)
  await run('tenant', 'add', 'demo', '--name', 'Demo Dental', '--calendar-sync')
  await run('user', 'add', OLIVIA, '--tenant', 'demo', '--role', 'owner', '--password-env', 'PASSWORD')
  const { token } = await run('token', 'create', '--tenant', 'demo', '--user', OLIVIA, '--name', 'tests', '--bound')

  let child
  const start = async () => {
    child = spawn(PROGRAM, ['serve', '--listen', listen, '--json'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(([code]) => assert.fail(`kalends serve ended with ${code}`)),
    ])
    assert.ok(line)
  }
  const kill = async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await start()
  const api = (method, path, body) => ask(method, `http://${listen}${path}`, token, body)
  const { calendar } = await api('POST', '/api/calendar/calendars/', { name: 'Practice' })
  return {
    told: { api: `http://${listen}`, password: PASSWORD },
    address: () => `http://${listen}`,
    api,
    calendar: calendar.id,
    start,
    kill,
    end: async () => {
      if (child.exitCode === null && child.signalCode === null) await kill()
      await rm(folder, { recursive: true })
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
