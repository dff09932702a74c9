// What a link's state means for a person: one word, one colour, one sentence.

import type { Schemas } from './api/client'
import type { Key } from './i18n/index.svelte'

type Link = Schemas['Link']
type Account = Schemas['Connection']

export type Mood = 'good' | 'warn' | 'bad' | 'calm'

export function ofLink(link: Link, account: Account | undefined): { mood: Mood; key: Key } {
  if (account && !account.is_valid) return { mood: 'bad', key: 'status.needsReconnect' }
  if (link.state === 'paused') return { mood: 'calm', key: 'status.paused' }
  if (link.syncing) return { mood: 'warn', key: 'status.syncing' }
  if (link.waiting) return { mood: 'calm', key: link.waiting.for === 'quota' ? 'status.quota' : 'status.askedToWait' }
  if (needsSomebody(link)) return { mood: 'bad', key: 'status.waitsForYou' }
  if (link.failures > 0) return { mood: 'warn', key: 'status.failing' }
  if (!link.last_success_at) return { mood: 'calm', key: 'status.never' }
  return { mood: 'good', key: 'status.inStep' }
}

/** Whether a person has to decide something. */
export function needsSomebody(link: Link): boolean {
  return link.held_deletions > 0
}
