// A person without a mouse: everything is reached by Tab, and where they are can be seen.

import assert from 'node:assert/strict'

/** More stops than any page has. */
const STOPS_MAX = 120

/** Day, month, year, hour, minute, half of the day. */
const PARTS_MAX = 6

export function keys(page) {
  /** Goes by Tab until this has the focus; on the way it can be seen where one is. */
  async function reach(locator) {
    await locator.waitFor()
    for (let stop = 0; stop < STOPS_MAX; stop++) {
      if (await locator.evaluate((element) => element === document.activeElement)) {
        assert.ok(await visible(), `the focus is visible on ${locator}`)
        return
      }
      await page.keyboard.press('Tab')
    }
    assert.fail(`Tab does not come to ${locator}`)
  }

  /** Whether whoever looks sees which element has the focus. */
  const visible = () =>
    page.evaluate(() => {
      const element = document.activeElement
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element)
      const { width, height } = element.getBoundingClientRect()
      const isMarked = (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none'
      return element.matches(':focus-visible') && isMarked && width > 0 && height > 0
    })

  async function press(locator, key = 'Enter') {
    await reach(locator)
    await page.keyboard.press(key)
  }

  /** Into a field, in place of what is there. */
  async function type(locator, text) {
    await reach(locator)
    await page.keyboard.press('Control+A')
    await page.keyboard.type(text)
  }

  /** Of a list, the choice that begins so. */
  async function pick(locator, text) {
    await reach(locator)
    await page.keyboard.type(text)
    const chosen = await locator.evaluate((select) => select.selectedOptions[0].textContent.trim())
    assert.ok(chosen.startsWith(text), `${chosen} was chosen instead of ${text}`)
  }

  /**
   * Sets the time in a field of date and time, whose parts stand in the order of wherever the browser thinks it is: with
   * the arrows, seeing which part moves.
   */
  async function time(locator, [hour, minute]) {
    await reach(locator)
    const shown = async () => (await locator.inputValue()).split(/\D/).map(Number)
    const [HOUR, MINUTE] = [3, 4]
    const turn = async (is, most) => {
      for (let turns = 0; turns < most && !is(await shown()); turns++) await page.keyboard.press('ArrowUp')
    }
    for (let part = 0; part < PARTS_MAX; part++) {
      const before = await shown()
      await page.keyboard.press('ArrowUp')
      const now = await shown()
      // Such as the 31st of a month that has 30 days: no time at all.
      const isDate = now.length <= MINUTE
      if (!isDate && now[HOUR] !== before[HOUR]) {
        await turn((at) => at[HOUR] === hour, 24)
        // Twelve hours and a half of the day, which is a part of its own.
        await turn((at) => at[HOUR] % 12 === hour % 12, 12)
      } else if (!isDate && now[MINUTE] !== before[MINUTE]) {
        await turn((at) => at[MINUTE] === minute, 60)
      } else {
        await page.keyboard.press('ArrowDown')
      }
      await page.keyboard.press('ArrowRight')
    }
    assert.deepEqual((await shown()).slice(HOUR), [hour, minute])
  }

  /** What has the focus: its text or its label. */
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label'))

  return { reach, press, type, pick, time, focused }
}
