// All pages, by their paths. Each is loaded when it is first gone to.

import type { Component } from 'svelte'
import { Unreachable } from '../api/client'
import type { Key } from '../i18n/index.svelte'
import { embedded } from '../place'

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- each page has properties of its own */
type Load = () => Promise<{ default: Component<any> }>
export type Shown = { title: Key; load: Load; needsSync: boolean; props: Record<string, string> }

/** Pages that are of no use to a business without calendar sync. */
const SYNC = ['/', '/calendar', '/connect', '/accounts/:id', '/conflicts', '/events/:id']

const pages: [path: string, title: Key, load: Load][] = [
  ['/', 'status.title', () => import('./Status.svelte')],
  ['/calendar', 'calendar.title', () => import('./Calendar.svelte')],
  ['/connect', 'connect.title', () => import('./Connect.svelte')],
  ['/accounts/:id', 'choose.title', () => import('./Choose.svelte')],
  ['/conflicts', 'conflicts.title', () => import('./Conflicts.svelte')],
  ['/events/:id', 'event.history', () => import('./History.svelte')],
  ['/members', 'members.title', () => import('./Members.svelte')],
  ['/tokens', 'tokens.title', () => import('./Tokens.svelte')],
  ['/audit', 'audit.title', () => import('./Audit.svelte')],
  ['/platform', 'platform.title', () => import('./Platform.svelte')],
  ['/platform/health', 'health.title', () => import('./PlatformHealth.svelte')],
  ['/platform/plans', 'plans.title', () => import('./PlatformPlans.svelte')],
  ['/platform/audit', 'audit.all', () => import('./PlatformAudit.svelte')],
]

/** What a screen inside another product leads to. */
const EMBEDDED = ['/', '/connect', '/accounts/:id', '/conflicts', '/events/:id']

/** The page at a path; null where there is none. */
export function page(path: string): Shown | null {
  for (const [pattern, title, load] of pages) {
    if (embedded && !EMBEDDED.includes(pattern)) continue
    const props = match(pattern.split('/'), path.split('/'))
    if (props) return { title, load: () => load().catch(missing), needsSync: SYNC.includes(pattern), props }
  }
  return null
}

/** How browsers, and Vite, say that a part of the app did not come. */
const NOT_COME = /module script|dynamically imported module|preload CSS/i

function missing(cause: unknown): never {
  throw cause instanceof Error && NOT_COME.test(cause.message) ? new Unreachable('page', { cause }) : cause
}

function match(pattern: string[], path: string[]): Record<string, string> | null {
  if (pattern.length !== path.length) return null
  const props: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const given = path[index] ?? ''
    if (part.startsWith(':')) {
      const name = decoded(given)
      if (name === null) return null
      props[part.slice(1)] = name
    } else if (part !== given) return null
  }
  return props
}

/** What a part of an address says; null where it is no text, as anybody can type one. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
