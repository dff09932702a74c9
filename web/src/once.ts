// Keys that make a write safe to send again: while nobody knows whether it was carried out, the same write has the same key.

const KEPT = 'kalends.unanswered'
/** Only these outlive a reload with what was typed; others may hold passwords. */
const OF_EVENTS = /\/events\//
const KEPT_MAX = 20

const unanswered = new Map<string, string>(read())
/** Writes that are on their way: whoever clicks twice waits for the same answer. */
const underWay = new Map<string, Promise<Response>>()

function read(): [string, string][] {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? '[]')
  } catch {
    return []
  }
}

function write() {
  const events = [...unanswered].filter(([what]) => OF_EVENTS.test(what.split('\n')[1] ?? ''))
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(events.slice(-KEPT_MAX)))
  } catch {
    // Without it only a reload in the very moment of an outage could send something twice.
  }
}

function fresh(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function whole(request: Request): Promise<string> {
  return [request.method, request.url, request.headers.get('If-Match') ?? '', await request.clone().text()].join('\n')
}

/** The write with its key, sent by `send`; the same one is not sent beside itself. */
export async function once(request: Request, send: (request: Request) => Promise<Response>): Promise<Response> {
  if (['GET', 'HEAD'].includes(request.method)) return send(request)
  const what = await whole(request)
  const first = underWay.get(what)
  if (first) return (await first).clone()
  const answer = keyed(what, request, send)
  underWay.set(what, answer)
  try {
    return (await answer).clone()
  } finally {
    underWay.delete(what)
  }
}

async function keyed(what: string, request: Request, send: (request: Request) => Promise<Response>): Promise<Response> {
  const key = unanswered.get(what) ?? fresh()
  request.headers.set('Idempotency-Key', key)
  try {
    const response = await send(request)
    if (await isAnswer(response)) forget(what)
    else remember(what, key)
    return response
  } catch (problem) {
    remember(what, key)
    throw problem
  }
}

/** Whether the server said what became of it. */
async function isAnswer(response: Response): Promise<boolean> {
  if (response.status >= 500) return false
  if (response.status !== 409) return true
  const problem = (await response.clone().json().catch(() => null)) as { code?: string } | null
  return problem?.code !== 'idempotency_in_progress'
}

function remember(what: string, key: string) {
  unanswered.set(what, key)
  write()
}

function forget(what: string) {
  if (unanswered.delete(what)) write()
}
