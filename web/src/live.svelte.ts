// Server-sent events, read with fetch: EventSource cannot say for which tenant it listens.

import { ownHeaders } from './api/client'
import { root } from './place'
import { lookAtPlan } from './plan.svelte'

const WAIT_MS_FIRST = 1_000
const WAIT_MS_MAX = 30_000

export const live = $state<{ state: 'listening' | 'waiting' }>({ state: 'waiting' })

/** Listens until the signal; tells each event's name: `change` of an event, with `links` also `status` of a link or an account. A stream that breaks is taken up where it broke. */
export async function listen(told: (event: string, data: string) => void, stop: AbortSignal, what: 'events' | 'links' = 'events') {
  let last: string | null = null
  let wait = WAIT_MS_FIRST
  while (!stop.aborted) {
    try {
      const headers: Record<string, string> = { ...ownHeaders(), Accept: 'text/event-stream' }
      if (last) headers['Last-Event-ID'] = last
      const response = await fetch(`${root}/api/calendar/stream/${what === 'links' ? '?links=true' : ''}`, { headers, signal: stop })
      if (response.status === 410) last = null
      if (response.status === 403) void lookAtPlan()
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      live.state = 'listening'
      wait = WAIT_MS_FIRST
      // What changed while nobody listened is not known here.
      told('open', '')
      for await (const message of messages(response.body)) {
        if (message.id) last = message.id
        if (message.data) told(message.event, message.data)
      }
    } catch {
      if (stop.aborted) return
    }
    live.state = 'waiting'
    await new Promise((later) => setTimeout(later, wait * (0.5 + Math.random() / 2)))
    wait = Math.min(wait * 2, WAIT_MS_MAX)
  }
}

type Message = { id: string | null; event: string; data: string }

async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += value
    const blocks = rest.split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) yield parse(block)
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
