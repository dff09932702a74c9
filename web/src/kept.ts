// What the browser keeps for the next visit. Inside another site's frame it may keep nothing, which is no error.

export function kept(name: string, where: 'ever' | 'tab' = 'ever'): string | null {
  try {
    return store(where).getItem(name)
  } catch {
    return null
  }
}

export function keep(name: string, value: string, where: 'ever' | 'tab' = 'ever') {
  try {
    store(where).setItem(name, value)
  } catch {
    // It is asked for again next time.
  }
}

function store(where: 'ever' | 'tab'): Storage {
  return where === 'ever' ? localStorage : sessionStorage
}
