// When something happens, in the forms in which the API says it. What reckons with times is in values.ts.

import { region } from './i18n/index.svelte'

export type Json = Record<string, unknown>

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** When something happens, whichever form it came in. */
export type When = { allDay: boolean; start: string; zone: string | null; days: number; seconds: number; rules: Json[] }

/** The time of a conflict. */
export function whenOf(value: unknown): When | null {
  if (!isObject(value)) return null
  const length = isObject(value.duration) ? value.duration : {}
  const lasts = { days: Number(length.days ?? 0), seconds: Number(length.seconds ?? 0) }
  const rules = (Array.isArray(value.recurrenceRules) ? value.recurrenceRules : []) as Json[]
  return at(value.start, { ...lasts, rules })
}

/** A start as Kalends writes it: `allDay`, `floating` or `zoned`. */
function at(start: unknown, rest: Pick<When, 'days' | 'seconds' | 'rules'>): When | null {
  if (!isObject(start)) return null
  if (typeof start.allDay === 'string') return { allDay: true, start: `${start.allDay}T00:00:00`, zone: null, ...rest }
  if (typeof start.floating === 'string') return { allDay: false, start: start.floating, zone: null, ...rest }
  const zoned = start.zoned
  if (!isObject(zoned)) return null
  return { allDay: false, start: String(zoned.local), zone: String(zoned.zone), ...rest }
}

/** When something starts, as lists of held deletions and of conflicts say it. */
export function startsAt(start: unknown): string {
  const when = at(start, { days: 0, seconds: 0, rules: [] })
  if (!when) return ''
  return [timed(when.allDay).format(wall(when.start)), zoneName(when.zone)].filter(Boolean).join(' · ')
}

/** A wall-clock time as a moment that is shown as if it were in UTC: what people agreed on stays as it is. */
export const wall = (local: string) => new Date(`${local.slice(0, 19)}Z`)

/** A zone's name; that of one which an event brings along is marked with a slash, which nobody has written. */
export const zoneName = (zone: string | null) => (zone ?? '').replace(/^\//, '')

/** How days, and times of days, are written. */
export function timed(allDay: boolean): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(region(), {
    ...(allDay ? { dateStyle: 'full' } : { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: 'numeric', minute: '2-digit' }),
    timeZone: 'UTC',
  } as Intl.DateTimeFormatOptions)
}
