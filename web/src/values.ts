// What fields of events say, in the person's words: those of conflicts, which have Kalends' own form, and those of versions,
// which are JSCalendar (RFC 8984).

import { Temporal } from 'temporal-polyfill'
import { moment, region, t, type Key } from './i18n/index.svelte'
import { isObject, startsAt, timed, wall, whenOf, zoneName, type Json, type When } from './when'

/** Fields that have a name of their own. */
const NAMED = [
  'time',
  'title',
  'description',
  'locations',
  'virtualLocations',
  'url',
  'status',
  'freeBusyStatus',
  'privacy',
  'priority',
  'keywords',
  'color',
  'participants',
  'alerts',
] as const

/** A field of a conflict: a word, or which participant, alert or occurrence. */
export function fieldName(field: unknown): string {
  if (typeof field === 'string') return (NAMED as readonly string[]).includes(field) ? t(`field.${field}` as Key) : field
  if (!isObject(field)) return String(field)
  const [kind, which] = Object.entries(field)[0] ?? ['', '']
  if (kind === 'participant') return t('field.participant', { who: String(which) })
  if (kind === 'alert') return t('field.alert')
  if (kind === 'override') return t('field.override', { when: day(String(which)) })
  return kind
}

/** The time of an event in JSCalendar. */
export function whenOfEvent(event: Json): When | null {
  if (typeof event.start !== 'string') return null
  const lasts = Temporal.Duration.from(typeof event.duration === 'string' ? event.duration : 'PT0S')
  return {
    allDay: event.showWithoutTime === true,
    start: event.start,
    zone: typeof event.timeZone === 'string' ? event.timeZone : null,
    days: lasts.weeks * 7 + lasts.days,
    seconds: lasts.hours * 3_600 + lasts.minutes * 60 + lasts.seconds,
    rules: (Array.isArray(event.recurrenceRules) ? event.recurrenceRules : []) as Json[],
  }
}

/** When it ends, on the wall clock; of whole days the day after the last. */
export function endOf({ start, zone, days, seconds }: When): string {
  const from = Temporal.PlainDateTime.from(start).add({ days })
  if (!zone) return from.add({ seconds }).toString()
  try {
    return from.toZonedDateTime(zone).add({ seconds }).toPlainDateTime().toString()
  } catch {
    // A zone of the event's own.
    return from.add({ seconds }).toString()
  }
}

export function spokenWhen(when: When): string {
  const end = endOf(when)
  const last = when.allDay ? Temporal.PlainDateTime.from(end).subtract({ days: 1 }).toString() : end
  const form = timed(when.allDay)
  const [from, to] = [wall(when.start), wall(last)]
  const time = to > from ? form.formatRange(from, to) : form.format(from)
  return [time, zoneName(when.zone), ...when.rules.map(spokenRule)].filter(Boolean).join(' · ')
}

const FREQUENCIES = ['yearly', 'monthly', 'weekly', 'daily']

function spokenRule(rule: Json): string {
  const frequency = String(rule.frequency)
  const every = Number(rule.interval ?? 1)
  const said = FREQUENCIES.includes(frequency) ? t(`repeats.${frequency}` as Key, { n: every }) : frequency
  const more = Object.entries(rule)
    .filter(([name]) => !['@type', 'frequency', 'interval', 'firstDayOfWeek', 'rscale', 'skip'].includes(name))
    .map(([name, value]) => `${name} ${plain(value)}`)
  return [said, ...more].join(', ')
}

function day(local: string): string {
  const date = wall(local.length > 10 ? local : `${local}T00:00:00`)
  return Number.isNaN(date.getTime()) ? local : new Intl.DateTimeFormat(region(), { dateStyle: 'medium', timeZone: 'UTC' }).format(date)
}

/** Words that stand for values. */
const WORDS: Record<string, readonly string[]> = {
  status: ['confirmed', 'tentative', 'cancelled'],
  freeBusyStatus: ['busy', 'free'],
  privacy: ['public', 'private', 'secret'],
}

/** The words that a field may have, if it is one of few. */
export const choices = (field: unknown): readonly string[] => (typeof field === 'string' ? (WORDS[field] ?? []) : [])

export const choice = (field: string, word: string): string => t(`value.${field}.${word}` as Key)

/** What a field says; empty where it says nothing. */
export function spoken(field: unknown, value: unknown): string {
  if (value === null || value === undefined || value === '') return ''
  if (field === 'time') {
    const when = whenOf(value)
    if (when) return spokenWhen(when)
  }
  if (typeof field === 'string' && typeof value === 'string' && choices(field).includes(value)) return choice(field, value)
  if (isObject(field) && 'override' in field) return spokenOverride(value)
  if (isObject(field) && 'alert' in field) return spokenAlert(value)
  if (field === 'alerts' && isObject(value)) return Object.values(value).map(spokenAlert).join(', ')
  return plain(value)
}

/** When a reminder comes: seconds from the start or the end in Kalends' own form, a duration in JSCalendar's. */
function spokenAlert(value: unknown): string {
  const trigger = isObject(value) ? value.trigger : null
  if (!isObject(trigger)) return plain(value)
  const at = trigger.at ?? trigger.when
  if (typeof at === 'string') return moment(at)
  const fromEnd = 'fromEnd' in trigger || trigger.relativeTo === 'end'
  const own = trigger.fromStart ?? trigger.fromEnd
  if (typeof own !== 'number' && typeof trigger.offset !== 'string') return plain(value)
  const seconds = typeof own === 'number' ? own : Temporal.Duration.from(String(trigger.offset)).total({ unit: 'second', relativeTo: '2026-01-01' })
  return t(fromEnd ? 'alert.end' : 'alert.start', { when: offset(seconds) })
}

const MINUTE_S = 60
const HOUR_S = 3_600
const DAY_S = 86_400

function offset(seconds: number): string {
  if (seconds === 0) return t('alert.at')
  const [length, unit] = seconds % DAY_S === 0 ? [DAY_S, 'day'] : seconds % HOUR_S === 0 ? [HOUR_S, 'hour'] : [MINUTE_S, 'minute']
  const long = new Intl.NumberFormat(region(), { style: 'unit', unit: String(unit), unitDisplay: 'long' }).format(Math.abs(seconds) / Number(length))
  return t(seconds < 0 ? 'alert.before' : 'alert.after', { long })
}

function spokenOverride(value: unknown): string {
  if (value === 'excluded') return t('occurrence.excluded')
  if (!isObject(value)) return plain(value)
  if ('added' in value) return t('occurrence.added')
  const replaced = value.replaced
  if (!isObject(replaced)) return plain(value)
  const title = isObject(replaced.details) ? replaced.details.title : replaced.title
  return [title, startsAt(replaced.start)].filter(Boolean).join(' · ')
}

/** Names, addresses and words out of whatever structure they stand in. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(plain).filter(Boolean).join(', ')
  if (!isObject(value)) return typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? moment(value) : String(value)
  const named = ['name', 'uri', 'href', 'email', 'day'].map((key) => value[key]).filter((one) => typeof one === 'string' && one)
  if (named.length) return named.join(' ')
  const members = Object.entries(value).filter(([key]) => key !== '@type')
  // A set in JSCalendar: its members are the keys.
  if (members.length && members.every(([, one]) => one === true)) return members.map(([key]) => key).join(', ')
  if (members.length && members.every(([, one]) => isObject(one))) return members.map(([, one]) => plain(one)).filter(Boolean).join(', ')
  return members.map(([key, one]) => `${key} ${plain(one)}`).join(', ')
}

/** One line of a difference. */
export type Difference = { name: string; before: string; after: string }

const TIME = ['start', 'timeZone', 'duration', 'showWithoutTime', 'recurrenceRules', 'excludedRecurrenceRules', 'timeZones']
/** What changes with every version, and says nothing to a person. */
const QUIET = ['updated', 'created', 'sequence', '@type', 'uid', 'prodId']

/** In what two versions of an event differ. */
export function differences(after: Json, before: Json): Difference[] {
  const names = [...new Set(['title', 'description', 'locations', ...Object.keys(after), ...Object.keys(before)])]
  const changed = names.filter((name) => !QUIET.includes(name) && JSON.stringify(after[name]) !== JSON.stringify(before[name]))
  const found: Difference[] = []
  if (changed.some((name) => TIME.includes(name))) {
    const [now, was] = [whenOfEvent(after), whenOfEvent(before)]
    found.push({ name: t('field.time'), before: was ? spokenWhen(was) : '', after: now ? spokenWhen(now) : '' })
  }
  for (const name of changed.filter((one) => !TIME.includes(one))) {
    if (name === 'recurrenceOverrides') found.push(...occurrences(after[name], before[name]))
    else if (Object.keys(before).length || after[name] !== USUAL[name]) found.push({ name: fieldName(name), before: spoken(name, before[name]), after: spoken(name, after[name]) })
  }
  return found
}

/** What an event is where nobody says otherwise: of a new one it says nothing. */
const USUAL: Json = { status: 'confirmed', freeBusyStatus: 'busy', privacy: 'public', priority: 0 }

function occurrences(after: unknown, before: unknown): Difference[] {
  const [now, was] = [isObject(after) ? after : {}, isObject(before) ? before : {}]
  return [...new Set([...Object.keys(now), ...Object.keys(was)])]
    .filter((id) => JSON.stringify(now[id]) !== JSON.stringify(was[id]))
    .map((id) => ({ name: t('field.override', { when: day(id) }), before: patched(was[id]), after: patched(now[id]) }))
}

function patched(patch: unknown): string {
  if (!isObject(patch)) return ''
  if (patch.excluded === true) return t('occurrence.excluded')
  const start = typeof patch.start === 'string' ? spokenWhen({ allDay: false, start: patch.start, zone: null, days: 0, seconds: 0, rules: [] }) : ''
  const rest = Object.entries(patch).filter(([name]) => !['start', 'duration', 'timeZone', ...QUIET].includes(name))
  return [...rest.map(([name, value]) => spoken(name, value)), start].filter(Boolean).join(' · ') || t('occurrence.added')
}
