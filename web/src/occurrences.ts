// What of the events falls into a span of time, as the calendar shows it.

import { api, ask, type Schemas } from './api/client'
import { region } from './i18n/index.svelte'
import { place } from './region'
import { wall } from './when'

export type Occurrence = Schemas['Occurrence']

const HOUR_MS = 3_600_000
/** By how much clocks on Earth differ at most (UTC-12 to UTC+14). */
const ZONES_MS_MAX = 26 * HOUR_MS

/** What of a calendar falls into a span of time here. */
export async function occurrencesHere(id: string, from: Date, until: Date): Promise<Occurrence[]> {
  // The server takes times without a zone for those of the calendar's zone: which of them are in the span is known here alone.
  const wide = (at: Date, by: number) => new Date(at.getTime() + by).toISOString()
  const found = await occurrences(id, wide(from, -ZONES_MS_MAX), wide(until, ZONES_MS_MAX))
  return found.map(here).filter((one) => one.all_day || (Date.parse(one.starts_at) < until.getTime() && Date.parse(one.ends_at) >= from.getTime()))
}

/** A time without a zone is what the clocks show here. */
function here(one: Occurrence): Occurrence {
  if (one.all_day || one.time_zone) return one
  const lasts = Date.parse(one.ends_at) - Date.parse(one.starts_at)
  const local = (at: Date) => new Date(at.toISOString().slice(0, -1)).toISOString()
  const start = wall(one.start)
  return { ...one, starts_at: local(start), ends_at: local(new Date(start.getTime() + lasts)) }
}

/** All pages of one calendar's occurrences. */
async function occurrences(id: string, from: string, until: string): Promise<Occurrence[]> {
  const found: Occurrence[] = []
  let cursor: string | undefined
  do {
    const query = { from, to: until, expand: true, cursor }
    const page = await ask(api.GET('/api/calendar/calendars/{id}/events/', { params: { path: { id }, query } }))
    found.push(...(page.occurrences ?? []))
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return found
}

/** What the clocks show where the event's times come from, if that is not what they show here. The server says it: some zones only it knows. */
export function there(one: Occurrence): string {
  if (one.all_day || !one.time_zone) return ''
  const [shown, moment] = [wall(one.start), new Date(one.starts_at)]
  const time = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeStyle: 'short' })
  if (time.format(moment).replace(' ', 'T') === one.start.slice(0, 16)) return ''
  return ` (${new Intl.DateTimeFormat(region(), { timeZone: 'UTC', timeStyle: 'short' }).format(shown)} ${place(one.time_zone)})`
}

/** Those that are at the same time as another one. */
export function overlapping(all: Occurrence[]): Set<Occurrence> {
  const busy = all.filter((one) => !one.all_day && one.free_busy_status === 'busy' && one.status !== 'cancelled')
  const moment = (at: string) => Date.parse(at)
  busy.sort((one, other) => moment(one.starts_at) - moment(other.starts_at))
  const found = new Set<Occurrence>()
  let longest: Occurrence | undefined
  for (const one of busy) {
    if (longest && moment(one.starts_at) < moment(longest.ends_at)) found.add(one).add(longest)
    if (!longest || moment(one.ends_at) > moment(longest.ends_at)) longest = one
  }
  return found
}
