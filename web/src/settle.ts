// Selects and boxes whose change is asked of the server. The browser shows what was clicked; what holds is what the server says.

import { tick } from 'svelte'

/** Once a change has ended, well or not, the control shows what the page knows then. */
export async function settle(control: HTMLSelectElement | HTMLInputElement, change: Promise<unknown>, truth: () => string | boolean) {
  await change
  await tick()
  const now = truth()
  if (typeof now === 'string') control.value = now
  else (control as HTMLInputElement).checked = now
}
