// The time for everything that says “5 minutes ago”.

const TICK_MS = 5_000

export const clock = $state({ now: Date.now() })

setInterval(() => (clock.now = Date.now()), TICK_MS)
