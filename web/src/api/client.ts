// The API, typed from its own document.

import createClient, { type Middleware } from 'openapi-fetch'
import { link } from '../embed'
import { once } from '../once'
import { root } from '../place'
import { during } from '../slow.svelte'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

/** What the server says when it refuses: RFC 9457 problem details. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** The server cannot be reached, or answers nonsense. */
export class Unreachable extends Error {}

let tenant: string | null = null

/** For which tenant everything is asked from now on. */
export function actFor(slug: string | null) {
  tenant = slug
}

/** Who asks, where no cookie says it, and for which tenant. */
export function ownHeaders(): Record<string, string> {
  return { ...(tenant ? { 'X-Tenant': tenant } : {}), ...(link.token ? { Authorization: `Bearer ${link.token}` } : {}) }
}

const named: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(ownHeaders())) request.headers.set(name, value)
    return request
  },
}

/** A server that says nothing for so long is not there; the longest answers (a first look at an account) take half of it. */
const ANSWER_MS_MAX = 90_000
const AGAIN_MS = 800

async function reach(request: Request): Promise<Response> {
  const again = request.clone()
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_MS_MAX)])
  try {
    const response = await fetch(request, { signal })
    if (response.status < 502 || response.status > 504) return response
  } catch (cause) {
    if (signal.aborted) throw new Unreachable('no answer', { cause })
    // Once more below: the key makes that safe.
  }
  await new Promise((later) => setTimeout(later, AGAIN_MS))
  try {
    return await fetch(again, { signal })
  } catch (cause) {
    throw new Unreachable('unreachable', { cause })
  }
}

export const api = createClient<paths>({ baseUrl: root, fetch: (request) => during(once(request, reach)) })
api.use(named)

const whenRefused: ((refusal: Refusal) => void)[] = []

/** Tells of every refusal, whoever asked. */
export function onRefusal(told: (refusal: Refusal) => void) {
  whenRefused.push(told)
}

type Answered<T> = { data?: T; error?: unknown; response: Response }

/** The answer's body, or its refusal thrown. */
export async function ask<T>(answer: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await answer.catch((cause) => {
    // The answer broke off, or is no JSON.
    throw cause instanceof Unreachable ? cause : new Unreachable('no whole answer', { cause })
  })
  if (response.ok) return data as T
  const problem = (typeof error === 'object' ? error : null) as { code?: string; error?: string } | null
  if (!problem?.error) throw new Unreachable(`status ${response.status}`)
  const refusal = new Refusal(response.status, problem.code ?? 'unknown', problem.error)
  for (const told of whenRefused) told(refusal)
  throw refusal
}
