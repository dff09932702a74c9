// A screen inside a host product: what its link says, and what the host's page is told.

import { keep, kept } from './kept'
import { embedded } from './place'

const KEPT = 'kalends.embed'

type Link = { token: string | null; accent: string | null; logo: string | null; theme: string | null; language: string | null }

/** What the link says. The fragment leaves the address at once, so that it is not copied with it; the tab keeps it for a reload. */
function read(): Link {
  const given = location.hash.length > 1 ? location.hash.slice(1) : null
  if (embedded && given) {
    keep(KEPT, given, 'tab')
    history.replaceState(history.state, '', location.pathname + location.search)
  }
  const said = new URLSearchParams(embedded ? (given ?? kept(KEPT, 'tab') ?? '') : '')
  const one = (name: keyof Link) => said.get(name)
  return { token: one('token'), accent: one('accent'), logo: one('logo'), theme: one('theme'), language: one('language') }
}

export const link = read()

type Told = { event: 'ready' | 'expired' } | { event: 'connected'; credential_id: string } | { event: 'height'; height: number }

/** Tells the host's page, which may be any that the operator lists: nothing of this is a secret. */
export function tellHost(what: Told) {
  if (embedded && parent !== window) parent.postMessage({ source: 'kalends', ...what }, '*')
}

if (embedded) {
  new ResizeObserver(() => tellHost({ event: 'height', height: document.documentElement.scrollHeight })).observe(document.documentElement)
}
