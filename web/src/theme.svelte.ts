// Light or dark: as the system has it, until the person chooses.

const KEPT = 'kalends.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

function now(): 'light' | 'dark' {
  const kept = localStorage.getItem(KEPT)
  if (kept === 'light' || kept === 'dark') return kept
  return system.matches ? 'dark' : 'light'
}

export const theme = $state({ now: now() })

function apply() {
  theme.now = now()
  document.documentElement.dataset.theme = theme.now
}

export function toggle() {
  localStorage.setItem(KEPT, theme.now === 'dark' ? 'light' : 'dark')
  apply()
}

system.addEventListener('change', apply)
apply()
