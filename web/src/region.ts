// Weeks, clocks and places: the language is chosen in the app, the region is the browser's.

import { region } from './i18n/index.svelte'

const SUNDAY = 7

type Weeks = { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } }

/** The day with which a week begins there: 0 is Sunday. Where a browser does not know, it is Monday (ISO 8601). */
export function firstDay(): number {
  const place = new Intl.Locale(region()) as Intl.Locale & Weeks
  const day = (place.getWeekInfo?.() ?? place.weekInfo)?.firstDay ?? 1
  return day === SUNDAY ? 0 : day
}

/** Whether two zones show the same time on their clocks from one moment to another. */
export function sameClock(zone: string, other: string, moments: Date[]): boolean {
  const clock = (at: Date, timeZone: string) => new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at)
  return zone === other || moments.every((at) => clock(at, zone) === clock(at, other))
}

/** A zone as a person knows it: `America/New_York` is “New York”. */
export function place(zone: string): string {
  return (zone.split('/').pop() ?? zone).replaceAll('_', ' ')
}
