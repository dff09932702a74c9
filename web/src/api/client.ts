// The API, typed from its own document.

import createClient, { type Middleware } from 'openapi-fetch'
import { link } from '../embed'
import { root } from '../place'
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
    // A write that is sent again after a lost answer is carried out once.
    if (!['GET', 'HEAD'].includes(request.method)) request.headers.set('Idempotency-Key', crypto.randomUUID())
    return request
  },
}

async function reach(request: Request): Promise<Response> {
  const again = request.clone()
  try {
    const response = await fetch(request)
    if (response.status < 502 || response.status > 504) return response
  } catch {
    // Once more below: the key makes that safe.
  }
  await new Promise((later) => setTimeout(later, 800))
  try {
    return await fetch(again)
  } catch (cause) {
    throw new Unreachable('unreachable', { cause })
  }
}

export const api = createClient<paths>({ baseUrl: root, fetch: reach })
api.use(named)

let whenRefused: (refusal: Refusal) => void = () => {}

/** Tells of every refusal, whoever asked. */
export function onRefusal(told: (refusal: Refusal) => void) {
  whenRefused = told
}

type Answered<T> = { data?: T; error?: unknown; response: Response }

/** The answer's body, or its refusal thrown. */
export async function ask<T>(answer: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await answer
  if (response.ok) return data as T
  const problem = (typeof error === 'object' ? error : null) as { code?: string; error?: string } | null
  if (!problem?.error) throw new Unreachable(`status ${response.status}`)
  const refusal = new Refusal(response.status, problem.code ?? 'unknown', problem.error)
  whenRefused(refusal)
  throw refusal
}
