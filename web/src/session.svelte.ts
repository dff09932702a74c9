// Who is signed in, and for which tenant they look.

import { actFor, api, ask, onRefusal, Refusal, type Schemas } from './api/client'
import { forgetDrafts } from './draft'
import { keep, kept } from './kept'

type Me = Schemas['Me']
export type Membership = Schemas['Membership']

const KEPT = 'kalends.tenant'

/** `ended`: the server no longer knows who this is, while the pages still do; what was typed stays in them. */
export const session = $state<{ me: Me | null; tenant: Membership | null; asked: boolean; ended: boolean }>({
  me: null,
  tenant: null,
  asked: false,
  ended: false,
})

onRefusal((refusal) => {
  if (refusal.status === 401 && session.me) session.ended = true
})

/** Asks the server who this is. */
export async function look() {
  try {
    session.me = await ask(api.GET('/api/session/'))
    session.ended = false
    const before = kept(KEPT)
    const all = session.me.tenants
    choose(all.find((one) => one.slug === before) ?? all[0] ?? null)
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401)) throw error
    nobody()
  } finally {
    session.asked = true
  }
}

export function choose(membership: Membership | null) {
  session.tenant = membership
  actFor(membership?.slug ?? null)
  if (membership) keep(KEPT, membership.slug)
}

function nobody() {
  session.me = null
  session.ended = false
  choose(null)
}

/** Forgets who was signed in and what they had begun, here in the page. */
export function leave() {
  forgetDrafts()
  nobody()
}

/** Whether the member has anything to do with the calendars of the business. */
export function works(): boolean {
  return session.tenant?.role !== 'customer'
}

/** Whether the member may change what is not their own. */
export function manages(): boolean {
  return session.tenant?.role === 'owner' || session.tenant?.role === 'manager'
}
