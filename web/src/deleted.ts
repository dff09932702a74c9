// What was deleted, and by what it is known: out of the feed of all changes, which tells of deletions by anybody.

import { api, ask, Refusal, type Schemas } from './api/client'
import type { Cause } from './accounts'

/** An event that is gone, and the version in which it was there last. */
export type Gone = { id: string; version: number; title: string; start: string; allDay: boolean; at: string; cause: Cause }

type Last = Pick<Gone, 'version' | 'title' | 'start' | 'allDay'>

/** As many as the API gives at once: the feed has all versions of all events. */
const PAGE = 1_000

/** Where the feed was left, and what is known of it up to there. */
export class Feed {
  #cursor: string | undefined
  readonly #there = new Map<string, Last>()
  readonly #gone = new Map<string, Gone>()

  /** Everything that is gone by now, the latest first. */
  async gone(stop: AbortSignal): Promise<Gone[]> {
    for (let more = true; more && !stop.aborted; ) more = await this.#page(stop)
    return [...this.#gone.values()].sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
  }

  async #page(signal: AbortSignal): Promise<boolean> {
    try {
      const { changes, next_cursor, has_more } = await ask(api.GET('/api/calendar/changes/', { params: { query: { since: this.#cursor, limit: PAGE } }, signal }))
      for (const change of changes) this.#take(change)
      this.#cursor = next_cursor
      return has_more
    } catch (problem) {
      if (!(problem instanceof Refusal && problem.status === 410 && this.#cursor)) throw problem
      // The server was set back to an earlier time.
      this.#cursor = undefined
      this.#there.clear()
      this.#gone.clear()
      return true
    }
  }

  #take({ event_id: id, version, deleted, event, at, cause }: Schemas['EventChange']) {
    if (!deleted) {
      const { title, start, showWithoutTime } = event ?? {}
      this.#gone.delete(id)
      this.#there.set(id, { version, title: String(title ?? ''), start: String(start ?? ''), allDay: showWithoutTime === true })
      return
    }
    const last = this.#there.get(id)
    if (last) this.#gone.set(id, { id, ...last, at, cause: cause as Cause })
  }
}
