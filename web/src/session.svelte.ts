// Who is signed in, and for which tenant they look.

import { keep, kept } from './kept'
import { actFor, api, ask, Refusal, type Schemas } from './api/client'

type Me = Schemas['Me']
export type Membership = Schemas['Membership']

const KEPT = 'kalends.tenant'

export const session = $state<{ me: Me | null; tenant: Membership | null; asked: boolean }>({
  me: null,
  tenant: null,
  asked: false,
})

/** Asks the server who this is. */
export async function look() {
  try {
    session.me = await ask(api.GET('/api/session/'))
    const before = kept(KEPT)
    const all = session.me.tenants
    choose(all.find((one) => one.slug === before) ?? all[0] ?? null)
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401)) throw error
    leave()
  } finally {
    session.asked = true
  }
}

export function choose(membership: Membership | null) {
  session.tenant = membership
  actFor(membership?.slug ?? null)
  if (membership) keep(KEPT, membership.slug)
}

/** Forgets who was signed in, here in the page. */
export function leave() {
  session.me = null
  choose(null)
}

/** Whether the member may change what is not their own. */
export function manages(): boolean {
  return session.tenant?.role === 'owner' || session.tenant?.role === 'manager'
}
