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

/** A zone as a person knows it: `America/New_York` is “New York”; one that an event brings along has no more than its name. */
export function place(zone: string): string {
  return (zone.split('/').pop() ?? zone).replaceAll('_', ' ')
}
