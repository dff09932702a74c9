// Server-sent events, read with fetch: EventSource cannot say for which tenant it listens.

import { api, ask, ownHeaders } from './api/client'
import { root } from './place'
import { lookAtPlan } from './plan.svelte'

const WAIT_MS_FIRST = 1_000
const WAIT_MS_MAX = 15_000
/** The server says something every few seconds, if only that it is there. */
const SILENCE_MS_MAX = 60_000
/** What a page asks for as it begins takes less. */
const BEGINNING_MS = 1_500

/** `lost`: the server could not be reached when it was last tried. */
export const live = $state<{ state: 'listening' | 'waiting'; lost: boolean }>({ state: 'waiting', lost: false })

/** Listens until the signal; tells each event's name: `change` of an event, with `links` also `status` of a link or an account. A stream that breaks is taken up where it broke. */
export async function listen(told: (event: string, data: string) => void, stop: AbortSignal, what: 'events' | 'links' = 'events') {
  let last: string | null = null
  let wait = WAIT_MS_FIRST
  let isFirst = true
  while (!stop.aborted) {
    let reached = false
    try {
      const headers: Record<string, string> = { ...ownHeaders(), Accept: 'text/event-stream' }
      if (last) headers['Last-Event-ID'] = last
      const response = await withinSilence(fetch(`${root}/api/calendar/stream/${what === 'links' ? '?links=true' : ''}`, { headers, signal: stop }))
      reached = true
      if (response.status === 410) last = null
      if (response.status === 403) void lookAtPlan()
      // Asked for its refusal, which whoever looks after the session hears.
      if (response.status === 401) void ask(api.GET('/api/session/')).catch(() => {})
      live.lost = response.status >= 500
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      live.state = 'listening'
      wait = WAIT_MS_FIRST
      // What changed while nobody listened is not known here. At the beginning that is next to nothing, and the page is busy
      // with showing what it has just asked for.
      if (isFirst) void pause(BEGINNING_MS, stop).then(() => stop.aborted || told('open', ''))
      else told('open', '')
      isFirst = false
      for await (const message of messages(response.body)) {
        if (message.id) last = message.id
        if (message.data) told(message.event, message.data)
      }
    } catch {
      if (stop.aborted) break
      // A stream that is cut is taken up again at once; only where that fails is there something to tell.
      if (!reached) live.lost = true
    }
    live.state = 'waiting'
    await pause(wait * (0.5 + Math.random() / 2), stop)
    wait = Math.min(wait * 2, WAIT_MS_MAX)
  }
  live.lost = false
}

/** Waits; ends early when the browser is online again, or when nobody listens any more. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((later) => {
    const timer = setTimeout(end, ms)
    function end() {
      clearTimeout(timer)
      removeEventListener('online', end)
      stop.removeEventListener('abort', end)
      later()
    }
    addEventListener('online', end)
    stop.addEventListener('abort', end)
  })
}

type Message = { id: string | null; event: string; data: string }

async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read())
      if (done) return
      rest += value
      const blocks = rest.split(/\r?\n\r?\n/)
      rest = blocks.pop() ?? ''
      for (const block of blocks) yield parse(block)
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

/** What comes, unless nothing comes for so long that the connection must have been lost on the way. */
async function withinSilence<T>(coming: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, lost) => {
    timer = setTimeout(() => lost(new Error('silence')), SILENCE_MS_MAX)
  })
  try {
    return await Promise.race([coming, silence])
  } finally {
    clearTimeout(timer)
  }
}

function parse(block: string): Message {
  const message: Message = { id: null, event: 'message', data: '' }
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (field === 'id') message.id = value
    if (field === 'event') message.event = value
    if (field === 'data') message.data += (message.data ? '\n' : '') + value
  }
  return message
}
