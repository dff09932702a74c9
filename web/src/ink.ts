// Black or white: what can be read on a colour.

const DARK = '#12151c'
const WHITE = '#ffffff'
/** Above it, dark text has more contrast than white (WCAG 2.2, relative luminance). */
const MIDDLE = 0.179

export function inkOn(colour: string): string {
  const parts = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(colour)
  if (!parts) return WHITE
  const [red, green, blue] = parts.slice(1).map((part) => {
    const share = parseInt(part, 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > MIDDLE ? DARK : WHITE
}
