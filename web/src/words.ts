// Failures in the person's words.

import { Refusal, Unreachable } from './api/client'
import { knows, t } from './i18n/index.svelte'

/** What to tell of a failure. Where we have no words of our own, the server's sentences are for people, in English. */
export function told(error: unknown): string {
  if (error instanceof Unreachable) return t('error.unreachable')
  if (!(error instanceof Refusal)) return t('error.ours')
  const key = `refusal.${error.code}`
  return knows(key) ? t(key, { error: error.message }) : error.message
}
