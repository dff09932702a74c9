// What somebody typed and has not saved yet: kept in the browser's tab, also over a reload, for them alone.

const KEPT = 'kalends.draft.'

/** Whose draft: the next person at this screen does not get it. */
export type Owner = { user: string; tenant: string }

type Kept<T> = { owner: Owner; draft: T }

export function keepDraft<T>(name: string, owner: Owner, draft: T) {
  try {
    sessionStorage.setItem(KEPT + name, JSON.stringify({ owner, draft } satisfies Kept<T>))
  } catch {
    // Where nothing may be kept, the page itself still holds it.
  }
}

export function draftOf<T>(name: string, owner: Owner): T | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT + name) ?? 'null') as Kept<T> | null
    return kept?.owner.user === owner.user && kept.owner.tenant === owner.tenant ? kept.draft : null
  } catch {
    return null
  }
}

/** All drafts whose name begins so, with their names. */
export function draftsOf<T>(begin: string, owner: Owner): [name: string, draft: T][] {
  const names = stored().filter((name) => name.startsWith(begin))
  return names.flatMap((name) => {
    const draft = draftOf<T>(name, owner)
    return draft ? [[name, draft] as [string, T]] : []
  })
}

function stored(): string[] {
  try {
    return Object.keys(sessionStorage).flatMap((name) => (name.startsWith(KEPT) ? [name.slice(KEPT.length)] : []))
  } catch {
    return []
  }
}

export function forgetDraft(name: string) {
  try {
    sessionStorage.removeItem(KEPT + name)
  } catch {
    // Then nothing was kept either.
  }
}

export function forgetDrafts() {
  for (const name of stored()) forgetDraft(name)
}
