// Failures in the person's words.

import { Refusal } from './api/client'
import { t } from './i18n/index.svelte'

/** What to tell of a failure. The server's own sentences are for people. */
export function told(error: unknown): string {
  return error instanceof Refusal ? error.message : t('error.unreachable')
}
