// Light or dark: as the system has it, until the person chooses, or as the host product wants it.

import { link } from './embed'
import { accents } from './colour'
import { keep, kept } from './kept'

const KEPT = 'kalends.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

function now(): 'light' | 'dark' {
  const chosen = link.theme ?? kept(KEPT)
  if (chosen === 'light' || chosen === 'dark') return chosen
  return system.matches ? 'dark' : 'light'
}

export const theme = $state({ now: now() })

function apply() {
  theme.now = now()
  document.documentElement.dataset.theme = theme.now
  paint()
}

export function toggle() {
  keep(KEPT, theme.now === 'dark' ? 'light' : 'dark')
  apply()
}

/** In the colour of the host product, where there is one. */
function paint() {
  const { style } = document.documentElement
  const own = getComputedStyle(document.documentElement)
  const found = link.accent ? accents(link.accent, ['--page', '--card'].map((name) => own.getPropertyValue(name).trim())) : null
  if (!found) return
  style.setProperty('--accent', found.accent)
  style.setProperty('--on-accent', found.onAccent)
}

system.addEventListener('change', apply)
apply()
