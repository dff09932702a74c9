// What takes long, whoever asked for it: told in one place, so that every page tells it.

/** What takes longer is told to take long. */
export const LONG_MS = 4_000

/** `spoken`: how many forms tell of their own waiting themselves. */
export const slow = $state({ many: 0, spoken: 0 })

/** Waits with everybody who looks at `slow`. */
export async function during<T>(coming: Promise<T>): Promise<T> {
  let long = false
  const timer = setTimeout(() => {
    long = true
    slow.many++
  }, LONG_MS)
  try {
    return await coming
  } finally {
    clearTimeout(timer)
    if (long) slow.many--
  }
}
