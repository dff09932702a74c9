// What a screen reader tells of what just happened and cannot be seen by it.

export const said = $state({ now: '' })

export function say(text: string) {
  // The same words twice are told twice only if they were gone in between.
  said.now = ''
  setTimeout(() => (said.now = text))
}
