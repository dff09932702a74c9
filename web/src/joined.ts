// Lists that come page by page.

/** A list with a further page of it; a page that came twice is in it once. */
export function joined<T>(list: T[], page: T[], id: (one: T) => string): T[] {
  const known = new Set(list.map(id))
  return [...list, ...page.filter((one) => !known.has(id(one)))]
}
