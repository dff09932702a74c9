// Keys that make a write safe to send again: while nobody knows whether it was carried out, the same write has the same key.

const KEPT = 'kalends.unanswered'
/** Only these outlive a reload with what was typed; others may hold passwords. */
const OF_EVENTS = /\/events\//
const KEPT_MAX = 20

const unanswered = new Map<string, string>(read())

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

/** The write with its key, sent by `send`. */
export async function once(request: Request, send: (request: Request) => Promise<Response>): Promise<Response> {
  if (['GET', 'HEAD'].includes(request.method)) return send(request)
  const what = await whole(request)
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
