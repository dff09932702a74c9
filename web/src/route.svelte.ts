// Where the person is: a path below the server's own prefix, and its query. Links are plain anchors.

import { home as prefix, root } from './place'

function read() {
  const { pathname, search } = location
  const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname
  return { path: path.replace(/(.)\/$/, '$1') || '/', query: new URLSearchParams(search) }
}

export const here = $state(read())

function arrive() {
  Object.assign(here, read())
  scrollTo(0, 0)
}

/** Goes to a path of this app, such as `/accounts/1?new`. */
export function go(path: string, how: 'push' | 'replace' = 'push') {
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', prefix + path)
  arrive()
}

/** The address of a path of this app, for an anchor. */
export function to(path: string): string {
  return prefix + path
}

/** The address of a file of this app. */
export function file(path: string): string {
  return root + path
}

addEventListener('popstate', arrive)
document.addEventListener('click', (event) => {
  const anchor = (event.target as Element).closest?.('a')
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
  if (!anchor || !plain || event.defaultPrevented || anchor.target || anchor.hasAttribute('download')) return
  const url = new URL(anchor.href)
  const ours = url.origin === location.origin && url.pathname.startsWith(`${prefix}/`)
  const theServers = /^\/(api|invitations)\//.test(url.pathname.slice(root.length))
  if (!ours || theServers) return
  event.preventDefault()
  go(url.pathname.slice(prefix.length) + url.search)
})
