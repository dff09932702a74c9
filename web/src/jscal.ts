// JSCalendar (RFC 8984) as the form of an event speaks it: local times in a zone, and how long it lasts.

import { Temporal } from 'temporal-polyfill'
import { region } from './i18n/index.svelte'
import { clockOf, knows, rulesFrom } from './clocks'
import { place } from './region'
import { isObject, type Json } from './when'

export type Entry = {
  title: string
  calendar: string
  allDay: boolean
  /** `2026-12-02T09:00`, or `2026-12-02` for whole days. */
  start: string
  /** The last day, for whole days. */
  end: string
  /** None: the same time on every clock. */
  zone: string | null
  /** The rules of a zone that the browser does not know. */
  rules: Json | null
  /** Whether it was called off. */
  cancelled: boolean
  location: string
  description: string
}

type Event = Record<string, unknown>

/** At what moment the clocks of its place show its start, as the server knows. */
export type Known = { start: string; starts_at: string }

const TIMES = { hours: 0, minutes: 0, seconds: 0, milliseconds: 0, microseconds: 0, nanoseconds: 0 }

/** What the form shows of an event. */
export function toEntry(event: Event, calendar: string, here: string, known?: Known): Entry {
  const allDay = event.showWithoutTime === true
  const start = Temporal.PlainDateTime.from(String(event.start))
  const zone = typeof event.timeZone === 'string' ? event.timeZone : allDay ? here : null
  const rules = zone && !knows(zone) ? rulesOf(event, zone, known) : null
  const clock = clockOf(zone, rules)
  const lasts = Temporal.Duration.from(typeof event.duration === 'string' ? event.duration : 'PT0S')
  // Days are those of the wall clock, hours go by (RFC 8984, 1.4.6).
  const day = start.add(lasts.with(TIMES))
  const end = clock.wall(clock.at(day).add(lasts.with({ years: 0, months: 0, weeks: 0, days: 0 })))
  const locations = Object.values((event.locations ?? {}) as Record<string, { name?: string }>)
  return {
    title: String(event.title ?? ''),
    calendar,
    allDay,
    start: allDay ? start.toPlainDate().toString() : minutes(start),
    end: allDay ? end.toPlainDate().subtract({ days: 1 }).toString() : minutes(end),
    zone,
    rules,
    cancelled: event.status === 'cancelled',
    location: locations[0]?.name ?? '',
    description: String(event.description ?? ''),
  }
}

/** Its own, else what one moment tells. */
function rulesOf(event: Event, zone: string, known?: Known): Json | null {
  const own = isObject(event.timeZones) ? event.timeZones[zone] : null
  if (isObject(own)) return own
  return known ? rulesFrom(known.start, known.starts_at) : null
}

function minutes(at: Temporal.PlainDateTime): string {
  return at.toString({ smallestUnit: 'minute' })
}

/** Why the form cannot be saved as it is, or null. */
export function wrong(entry: Entry): 'event.endBeforeStart' | null {
  return entry.end < entry.start ? 'event.endBeforeStart' : null
}

/** Where the form's times are those of another place than this browser's: the place, and what the clocks show here. */
export function elsewhere({ allDay, start, end, zone, rules }: Entry): { zone: string; here: string; start: string; end: string } | null {
  const here = Temporal.Now.timeZoneId()
  if (allDay || !zone || !start || !end) return null
  const [there, ours] = [clockOf(zone, rules), clockOf(here, null)]
  const walls = [start, end].map((at) => Temporal.PlainDateTime.from(at))
  const moments = walls.map((wall) => there.at(wall))
  if (walls.every((wall, index) => wall.equals(ours.wall(moments[index]!)))) return null
  const shown = new Intl.DateTimeFormat(region(), { weekday: 'short', hour: 'numeric', minute: '2-digit' })
  const [from, until] = moments.map((at) => shown.format(new Date(at.epochMilliseconds))) as [string, string]
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

function when({ allDay, start, end, zone, rules }: Entry): Event {
  if (allDay) {
    const days = Temporal.PlainDate.from(start).until(Temporal.PlainDate.from(end)).days + 1
    return { start: `${start}T00:00:00`, duration: `P${days}D`, timeZone: null }
  }
  const clock = clockOf(zone, rules)
  const [from, to] = [Temporal.PlainDateTime.from(start), Temporal.PlainDateTime.from(end)]
  const lasts = clock.at(from).until(clock.at(to), { largestUnit: 'hour' })
  return { start: from.toString({ smallestUnit: 'second' }), duration: lasts.toString(), timeZone: zone }
}

/** The form's event for another one like it: with the rules of its own zone, which a change leaves where they are. */
export function anew(entry: Entry): Event {
  const { zone, rules } = entry
  return { ...toEvent(entry), ...(zone?.startsWith('/') && rules && !entry.allDay && { timeZones: { [zone]: rules } }) }
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
  // Without a zone it is where it was drawn: at that time of this place.
  const clock = clockOf(entry.zone ?? Temporal.Now.timeZoneId(), entry.rules)
  const wall = (at: Temporal.Instant) => minutes(clock.wall(at))
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
    if (now[name] !== before[name]) Object.assign(carried, { [name]: now[name] })
  }
  if (now.start === before.start && now.end === before.end && now.allDay === before.allDay) return carried
  const moved = Temporal.PlainDateTime.from(before.start).until(Temporal.PlainDateTime.from(now.start))
  const lasts = Temporal.PlainDateTime.from(now.start).until(Temporal.PlainDateTime.from(now.end))
  const start = Temporal.PlainDateTime.from(series.start).add(moved)
  const written = (at: Temporal.PlainDateTime) => (now.allDay ? at.toPlainDate().toString() : minutes(at))
  return { ...carried, allDay: now.allDay, start: written(start), end: written(start.add(lasts)) }
}

/** The end, when the start is moved past it: as long after it as before. */
export function endAlong(start: string, before: Pick<Entry, 'start' | 'end'>): string {
  if (!start || !before.start || before.end < before.start || start <= before.end) return before.end
  const by = Temporal.PlainDateTime.from(before.start).until(Temporal.PlainDateTime.from(start))
  const end = Temporal.PlainDateTime.from(before.end).add(by)
  return start.length > 10 ? minutes(end) : end.toPlainDate().toString()
}
