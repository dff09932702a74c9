// Which colour a calendar has that was given none.

import type { Schemas } from './api/client'

const COLOURS = ['#2456c8', '#17703f', '#8a2be2', '#b3261e', '#8a5300', '#00707a', '#a3246b', '#4a5568']

function numberOf(id: string): number {
  let number = 0
  for (const character of id) number = (number * 31 + character.charCodeAt(0)) % 1_000_003
  return number
}

/** By its id, so that it stays whatever comes; only where an older calendar has that colour the next one that is free. */
export function coloursOf(calendars: Schemas['Calendar'][]): Map<string, string> {
  const taken = new Set<string>()
  // Ids grow with the time at which they are made.
  const found = calendars.toSorted((one, other) => (one.id < other.id ? -1 : 1)).map(({ id, color }): [string, string] => {
    if (color) return [id, color]
    const first = numberOf(id)
    const all = COLOURS.map((_, index) => COLOURS[(first + index) % COLOURS.length]!)
    const own = all.find((one) => !taken.has(one)) ?? all[0]!
    taken.add(own)
    return [id, own]
  })
  return new Map(found)
}
