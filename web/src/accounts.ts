// Which account a link is of, for pages that tell where something came from or went to.

import { api, ask } from './api/client'
import { t } from './i18n/index.svelte'

export type Accounts = Map<string, string>

/** The names of the accounts, by the ids of their links. */
export async function accountsOfLinks(): Promise<Accounts> {
  const [own, linked] = await Promise.all([ask(api.GET('/api/calendar/list/')), ask(api.GET('/api/calendar/links/'))])
  const names = new Map(own.calendars.map((one) => [one.id, one.name || one.email]))
  return new Map(linked.links.map((link) => [link.id, names.get(link.connection_id) ?? '']))
}

export const accountOf = (accounts: Accounts, link: string): string => accounts.get(link) || t('conflicts.goneAccount')

/** Who changed an event, as the history keeps it. */
export type Cause = { actor: { kind: 'user'; name: string } | { kind: 'sync'; link: string; run: string }; reason: string }

export function who(cause: Cause, accounts: Accounts): string {
  const { actor } = cause
  return actor.kind === 'user' ? actor.name : t('conflicts.syncWith', { account: accountOf(accounts, actor.link) })
}
