// JSCalendar (RFC 8984) as the form of an event speaks it: local times in a zone, and how long it lasts.

import { Temporal } from 'temporal-polyfill'
import { region } from './i18n/index.svelte'
import { place, sameClock } from './region'

export type Entry = {
  title: string
  calendar: string
  allDay: boolean
  /** `2026-12-02T09:00`, or `2026-12-02` for whole days. */
  start: string
  /** The last day, for whole days. */
  end: string
  zone: string
  location: string
  description: string
}

type Event = Record<string, unknown>

/** What the form shows of an event. */
export function toEntry(event: Event, calendar: string, here: string): Entry {
  const allDay = event.showWithoutTime === true
  const start = Temporal.PlainDateTime.from(String(event.start))
  const zone = typeof event.timeZone === 'string' ? event.timeZone : here
  const lasts = Temporal.Duration.from(typeof event.duration === 'string' ? event.duration : 'PT0S')
  const end = start.toZonedDateTime(zone).add(lasts).toPlainDateTime()
  const locations = Object.values((event.locations ?? {}) as Record<string, { name?: string }>)
  return {
    title: String(event.title ?? ''),
    calendar,
    allDay,
    start: allDay ? start.toPlainDate().toString() : minutes(start),
    end: allDay ? end.toPlainDate().subtract({ days: 1 }).toString() : minutes(end),
    zone,
    location: locations[0]?.name ?? '',
    description: String(event.description ?? ''),
  }
}

function minutes(at: Temporal.PlainDateTime): string {
  return at.toString({ smallestUnit: 'minute' })
}

/** Why the form cannot be saved as it is, or null. */
export function wrong(entry: Entry): 'event.endBeforeStart' | null {
  return entry.end < entry.start ? 'event.endBeforeStart' : null
}

/** Where the form's times are those of another place than this browser's: the place, and what the clocks show here. */
export function elsewhere({ allDay, start, end, zone }: Entry): { zone: string; here: string; start: string; end: string } | null {
  const here = Temporal.Now.timeZoneId()
  if (allDay || !start || !end) return null
  const moments = [start, end].map((at) => new Date(Temporal.PlainDateTime.from(at).toZonedDateTime(zone).epochMilliseconds))
  if (sameClock(zone, here, moments)) return null
  const shown = new Intl.DateTimeFormat(region(), { weekday: 'short', hour: 'numeric', minute: '2-digit' })
  const [from, until] = moments.map((at) => shown.format(at)) as [string, string]
  return { zone: place(zone), here: place(here), start: from, end: until }
}

/** The form's event, whole. */
export function toEvent(entry: Entry): Event {
  const event: Event = {
    title: entry.title,
    description: entry.description || null,
    locations: entry.location ? { '1': { '@type': 'Location', name: entry.location } } : null,
    showWithoutTime: entry.allDay,
    ...when(entry),
  }
  return event
}

function when({ allDay, start, end, zone }: Entry): Event {
  if (allDay) {
    const days = Temporal.PlainDate.from(start).until(Temporal.PlainDate.from(end)).days + 1
    return { start: `${start}T00:00:00`, duration: `P${days}D`, timeZone: null }
  }
  const from = Temporal.PlainDateTime.from(start).toZonedDateTime(zone)
  const to = Temporal.PlainDateTime.from(end).toZonedDateTime(zone)
  const lasts = from.until(to, { largestUnit: 'hour' })
  return { start: `${from.toPlainDateTime().toString({ smallestUnit: 'second' })}`, duration: lasts.toString(), timeZone: zone }
}

/** The form's event at another time: moments with an offset, seen in the event's zone, or days of which the last is not in it. */
export function moved(entry: Entry, allDay: boolean, start: string, end: string): Entry {
  if (allDay) {
    const first = start.slice(0, 10)
    const after = end ? Temporal.PlainDate.from(end.slice(0, 10)) : Temporal.PlainDate.from(first).add({ days: 1 })
    return { ...entry, allDay, start: first, end: after.subtract({ days: 1 }).toString() }
  }
  const from = Temporal.Instant.from(start)
  const to = end ? Temporal.Instant.from(end) : from.add({ hours: 1 })
  const wall = (at: Temporal.Instant) => minutes(at.toZonedDateTimeISO(entry.zone).toPlainDateTime())
  return { ...entry, allDay, start: wall(from), end: wall(to) }
}

/** A JSON Merge Patch (RFC 7396) from what the form showed to what it says now: only what the person changed. */
export function patch(before: Entry, after: Entry): Event {
  const [old, now] = [toEvent(before), toEvent(after)]
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name])))
}

/** What the change of one occurrence means for its whole series: moved by as much, lasting as long. */
export function carriedOver(series: Entry, before: Entry, now: Entry): Entry {
  const carried: Entry = { ...series }
  for (const name of ['title', 'location', 'description', 'zone'] as const) {
    if (now[name] !== before[name]) carried[name] = now[name]
  }
  if (now.start === before.start && now.end === before.end && now.allDay === before.allDay) return carried
  const moved = Temporal.PlainDateTime.from(before.start).until(Temporal.PlainDateTime.from(now.start))
  const lasts = Temporal.PlainDateTime.from(now.start).until(Temporal.PlainDateTime.from(now.end))
  const start = Temporal.PlainDateTime.from(series.start).add(moved)
  const written = (at: Temporal.PlainDateTime) => (now.allDay ? at.toPlainDate().toString() : minutes(at))
  return { ...carried, allDay: now.allDay, start: written(start), end: written(start.add(lasts)) }
}
