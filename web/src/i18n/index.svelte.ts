// What the pages say, in the person's language.

import { de } from './de'
import { en } from './en'

export type Language = 'en' | 'de'
export type Key = keyof typeof en
export type Words = Record<Key, string | { one: string; other: string }>

const KEPT = 'kalends.language'
const all: Record<Language, Words> = { en, de }

function first(): Language {
  const kept = localStorage.getItem(KEPT)
  if (kept === 'en' || kept === 'de') return kept
  return navigator.languages.find((one) => /^(en|de)\b/.test(one))?.startsWith('de') ? 'de' : 'en'
}

export const language = $state<{ now: Language }>({ now: first() })

export function speak(now: Language) {
  language.now = now
  localStorage.setItem(KEPT, now)
}

/** The words of a key, with what stands in braces filled in; `n` also chooses between one and several. */
export function t(key: Key, fill: Record<string, string | number> = {}): string {
  const said = all[language.now][key]
  const plural = typeof said === 'string' ? said : said[which(Number(fill.n))]
  return plural.replace(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole))
}

export function knows(key: string): key is Key {
  return Object.hasOwn(en, key)
}

function which(n: number): 'one' | 'other' {
  return new Intl.PluralRules(language.now).select(n) === 'one' ? 'one' : 'other'
}

/** A moment as a distance from now, such as “5 minutes ago”. */
export function distance(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1_000
  const format = new Intl.RelativeTimeFormat(language.now, { numeric: 'auto' })
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ]
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit)
  }
  return format.format(Math.round(seconds), 'second')
}

/** The browser's own form of the language that was chosen, such as `de-AT`; else the language alone. */
export function region(): string {
  return navigator.languages.find((one) => one.split('-')[0] === language.now && one.includes('-')) ?? language.now
}

/** A moment in full. */
export function moment(at: string): string {
  return new Intl.DateTimeFormat(region(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}
