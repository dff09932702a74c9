// Whether the business has calendar sync. Where it has not, pages say so, and come alive as soon as it has.

import { api, ask, onRefusal } from './api/client'

const LOOK_MS = 5_000

export const plan = $state<{ sync: boolean | null }>({ sync: null })

/** Asks the server; what it last said stands while it cannot be reached. */
export async function lookAtPlan() {
  const status = await ask(api.GET('/api/calendar/status/')).catch(() => null)
  if (status) plan.sync = status.can_use_calendar_sync
}

onRefusal((refusal) => {
  if (refusal.code === 'feature_not_available') plan.sync = false
})

setInterval(() => {
  if (plan.sync === false && document.visibilityState === 'visible') void lookAtPlan()
}, LOOK_MS)
