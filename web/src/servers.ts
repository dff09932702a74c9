// By which form and at which server's address an account was connected in this browser, for the day on which it must be done again.

import { keep, kept } from './kept'

const KEPT = 'kalends.server.'

export type Way = { with: string; url?: string }

export function keepWay(account: string, way: Way) {
  keep(KEPT + account, JSON.stringify(way))
}

/** Of an account that was connected elsewhere only what all of them have in common. */
export function whereTo(account: string): Way {
  try {
    const way = JSON.parse(kept(KEPT + account) ?? 'null') as Way | null
    if (way) return way
  } catch {
    // As of one that was connected elsewhere.
  }
  return { with: 'caldav' }
}
