// What of the events falls into a span of time, as the calendar shows it.

import { api, ask, type Schemas } from './api/client'
import { region } from './i18n/index.svelte'
import { place, sameClock } from './region'

export type Occurrence = Schemas['Occurrence']

/** All pages of one calendar's occurrences. */
export async function occurrences(id: string, from: string, until: string): Promise<Occurrence[]> {
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

/** What the clocks show where the event's times come from, if that is not what they show here. */
export function there(one: Occurrence, here: string): string {
  const zone = one.time_zone
  if (one.all_day || !zone || sameClock(zone, here, [new Date(one.starts_at)])) return ''
  const time = new Intl.DateTimeFormat(region(), { timeZone: zone, timeStyle: 'short' }).format(new Date(one.starts_at))
  return ` (${time} ${place(zone)})`
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
