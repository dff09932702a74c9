// Where the app stands: below the service's own path prefix, and whether inside another product's page.

/** The path below which the service stands; empty where it has a host of its own. */
export const root = new URL(document.baseURI).pathname.replace(/\/$/, '')

const EMBEDDED = `${root}/embed`

/** Whether this is a screen in the frame of a host product. */
export const embedded = location.pathname === EMBEDDED || location.pathname.startsWith(`${EMBEDDED}/`)

/** The path below which the pages of the app are. */
export const home = embedded ? EMBEDDED : root
