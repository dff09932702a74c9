// To the provider's consent page and back. A frame cannot show such pages: from there they open in a window of their own.

import { api, ask } from './api/client'
import { tellHost } from './embed'
import { embedded } from './place'
import { go, to } from './route.svelte'

export type Vendor = 'google' | 'microsoft'

/** The page at which the window of its own ends. */
export const BACK = '/back'

const WINDOW = 'popup,width=560,height=760'
const LOOK_MS = 500

type Came = { source: 'kalends'; query: string }

/** Goes to the consent page. Inside another product it comes back here; else the whole page goes, and comes back to the status. */
export async function consent(vendor: Vendor, hint?: string) {
  // Before anything is awaited: later it would not count as the person's own click.
  const window = embedded ? open('about:blank', '_blank', WINDOW) : null
  const return_url = new URL(to(embedded ? BACK : '/'), location.href).href
  const body = { purpose: 'calendar' as const, return_url, ...(hint ? { login_hint: hint } : {}) }
  const path = vendor === 'google' ? '/api/oauth/google/initiate/' : '/api/oauth/microsoft/initiate/'
  try {
    const { authorization_url } = await ask(api.POST(path, { body }))
    if (!embedded) return location.assign(authorization_url)
    if (window) window.location.href = authorization_url
    else open(authorization_url, '_blank')
  } catch (problem) {
    window?.close()
    throw problem
  }
  const query = await cameBack(window)
  const connected = query.get('credential_id')
  if (connected) tellHost({ event: 'connected', credential_id: connected })
  go(`/?${query}`)
}

/** What the window came back with; empty where it was closed, or told nothing. */
function cameBack(window: Window | null): Promise<URLSearchParams> {
  return new Promise((done) => {
    const stop = new AbortController()
    const end = (query: string) => {
      stop.abort()
      clearInterval(timer)
      done(new URLSearchParams(query))
    }
    const heard = ({ origin, data }: MessageEvent<Came>) => origin === location.origin && data?.source === 'kalends' && end(data.query)
    addEventListener('message', heard, { signal: stop.signal })
    const timer = setInterval(() => window?.closed && end(''), LOOK_MS)
  })
}

/** In the window of its own: tells the screen that opened it, and goes. */
export function tellOpener() {
  const came: Came = { source: 'kalends', query: location.search.slice(1) }
  ;(opener as Window | null)?.postMessage(came, location.origin)
  close()
}
