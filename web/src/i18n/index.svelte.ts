// What the pages say, in the person's language.

import { link } from '../embed'
import { keep, kept } from '../kept'
import { de } from './de'
import { en } from './en'

export type Language = 'en' | 'de'
export type Key = keyof typeof en
export type Words = Record<Key, string | { one: string; other: string }>

const KEPT = 'kalends.language'
const all: Record<Language, Words> = { en, de }

function first(): Language {
  const chosen = link.language ?? kept(KEPT)
  if (chosen === 'en' || chosen === 'de') return chosen
  return navigator.languages.find((one) => /^(en|de)\b/.test(one))?.startsWith('de') ? 'de' : 'en'
}

export const language = $state<{ now: Language }>({ now: first() })

export function speak(now: Language) {
  language.now = now
  keep(KEPT, now)
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

/** Of both languages' cardinals (CLDR, Language Plural Rules). */
const which = (n: number): 'one' | 'other' => (n === 1 ? 'one' : 'other')

const makings = new Map<string, unknown>()

/** A formatter of the person's language, made once: making one takes longer than all that it formats on a page. */
function made<T>(name: string, make: (language: Language) => T): T {
  const key = `${language.now} ${name}`
  if (!makings.has(key)) makings.set(key, make(language.now))
  return makings.get(key) as T
}

const LENGTHS_S = { day: 86_400, hour: 3_600, minute: 60, second: 1 }
type Unit = keyof typeof LENGTHS_S

/** A moment as a distance from now, such as “5 minutes ago”. In words of our own: on a phone, making the browser's formatter for it takes longer than the page. */
export function distance(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1_000
  const unit = (Object.keys(LENGTHS_S) as Unit[]).find((one) => Math.abs(seconds) >= LENGTHS_S[one]) ?? 'second'
  const n = Math.round(Math.abs(seconds) / LENGTHS_S[unit])
  if (n === 0) return t('distance.now')
  return t(`distance.${seconds < 0 ? 'ago' : 'in'}.${unit}`, { n })
}

/** The browser's own form of the language that was chosen, such as `de-AT`; else the language alone. */
export function region(): string {
  return navigator.languages.find((one) => one.split('-')[0] === language.now && one.includes('-')) ?? language.now
}

/** A moment in full. */
export function moment(at: string): string {
  const format = made('moment', () => new Intl.DateTimeFormat(region(), { dateStyle: 'medium', timeStyle: 'short' }))
  return format.format(new Date(at))
}
