// Clocks of places: of zones that the browser knows, of zones that an event brings along (RFC 8984, 4.7.2), and of no place at all.

import { Temporal } from 'temporal-polyfill'
import type { Json } from './when'

type Wall = Temporal.PlainDateTime

/** What the clocks of a place show at a moment, and at which moment they show it. */
export type Clock = { at: (wall: Wall) => Temporal.Instant; wall: (at: Temporal.Instant) => Wall }

type Observance = { start: string; offsetFrom: string; offsetTo: string; recurrenceRules?: Json[]; recurrenceOverrides?: Json }

const DAYS = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su']
const UTC = 'UTC'

/** Whether the browser has the rules of a zone. */
export function knows(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
    return true
  } catch {
    return false
  }
}

/** The clocks of a zone, by its own rules where it has some; without a zone the same time everywhere. */
export function clockOf(zone: string | null, rules: Json | null): Clock {
  if (zone && rules) return ownClock(rules)
  const known = zone && knows(zone) ? zone : UTC
  return { at: (wall) => wall.toZonedDateTime(known).toInstant(), wall: (at) => at.toZonedDateTimeISO(known).toPlainDateTime() }
}

/** Rules of a zone of which nothing is known but what its clocks showed at one moment. */
export function rulesFrom(wall: string, at: string): Json {
  const shown = Temporal.PlainDateTime.from(wall).toZonedDateTime(UTC).epochMilliseconds
  const minutes = Math.round((shown - Date.parse(at)) / 60_000)
  const two = (part: number) => String(part).padStart(2, '0')
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`
  return { standard: [{ start: '1900-01-01T00:00:00', offsetFrom: offset, offsetTo: offset }] }
}

function ownClock(rules: Json): Clock {
  const observances = [rules.standard, rules.daylight].flatMap((some) => (Array.isArray(some) ? (some as Observance[]) : []))
  const before = observances.toSorted((one, other) => one.start.localeCompare(other.start))[0]
  const ahead = (wall: Wall): number => {
    let last: { onset: Wall; offset: string } | null = null
    for (const one of observances) {
      const onset = lastOnset(one, wall)
      if (onset && (!last || Temporal.PlainDateTime.compare(onset, last.onset) > 0)) last = { onset, offset: one.offsetTo }
    }
    return seconds(last?.offset ?? before?.offsetFrom)
  }
  const at = (wall: Wall) => wall.subtract({ seconds: ahead(wall) }).toZonedDateTime(UTC).toInstant()
  const offsets = [...new Set(observances.map((one) => seconds(one.offsetTo)))]
  const wall = (at: Temporal.Instant) => {
    const walls = offsets.map((offset) => at.add({ seconds: offset }).toZonedDateTimeISO(UTC).toPlainDateTime())
    return walls.find((one, index) => ahead(one) === offsets[index]) ?? walls[0] ?? at.toZonedDateTimeISO(UTC).toPlainDateTime()
  }
  return { at, wall }
}

/** `+0530`, also with seconds. */
function seconds(offset = '+0000'): number {
  const [, sign, hours, minutes, more] = /^([+-])(\d\d):?(\d\d):?(\d\d)?$/.exec(offset) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 3_600 + Number(minutes ?? 0) * 60 + Number(more ?? 0))
}

/** When it last began before a time: once, on single dates, or each year on a day of a month. */
function lastOnset(one: Observance, wall: Wall): Wall | null {
  const start = Temporal.PlainDateTime.from(one.start)
  const yearly = (one.recurrenceRules ?? []).flatMap((rule) => [wall.year - 1, wall.year].flatMap((year) => inYear(rule, start, year) ?? []))
  const onsets = [start, ...Object.keys(one.recurrenceOverrides ?? {}).map((date) => Temporal.PlainDateTime.from(date)), ...yearly]
  const begun = onsets.filter((onset) => Temporal.PlainDateTime.compare(onset, wall) <= 0 && Temporal.PlainDateTime.compare(onset, start) >= 0)
  return begun.toSorted(Temporal.PlainDateTime.compare).at(-1) ?? null
}

function inYear(rule: Json, start: Wall, year: number): Wall | null {
  const month = Number((rule.byMonth as string[] | undefined)?.[0] ?? start.month)
  const first = start.with({ year, month, day: 1 })
  const byDay = (rule.byDay as { day: string; nthOfPeriod?: number }[] | undefined)?.[0]
  const dates = (rule.byMonthDay as number[] | undefined) ?? (byDay ? [] : [start.day])
  const days = Array.from({ length: first.daysInMonth }, (_, index) => first.with({ day: index + 1 }))
  const meant = days.filter((day) => (!byDay || DAYS[day.dayOfWeek - 1] === byDay.day) && (!dates.length || dates.includes(day.day) || dates.includes(day.day - first.daysInMonth - 1)))
  const onset = meant.at(byDay?.nthOfPeriod && !dates.length ? (byDay.nthOfPeriod > 0 ? byDay.nthOfPeriod - 1 : byDay.nthOfPeriod) : 0)
  const until = typeof rule.until === 'string' ? Temporal.PlainDateTime.from(rule.until.replace('Z', '')) : null
  // Its end is in UTC, and in practice at the onset itself: within a day is the same.
  return onset && (!until || Temporal.PlainDateTime.compare(onset, until.add({ days: 1 })) <= 0) ? onset : null
}
