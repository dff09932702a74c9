// The host's colour, shifted as far as it must be so that what is written in it or on it can be read (WCAG 2.2, 1.4.3).

type Rgb = [number, number, number]

const READABLE = 4.5
const STEP = 0.05
const BLACK: Rgb = [0, 0, 0]
const WHITE: Rgb = [255, 255, 255]

function parse(hex: string): Rgb | null {
  const digits = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(hex)
  return digits ? [parseInt(digits[1]!, 16), parseInt(digits[2]!, 16), parseInt(digits[3]!, 16)] : null
}

const written = (colour: Rgb) => `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const mixed = (colour: Rgb, end: Rgb, share: number) => colour.map((part, index) => part + (end[index]! - part) * share) as Rgb

/** The accent, and what is written on it, before these backgrounds; null where the text is no colour. */
export function accents(hex: string, backgrounds: string[]): { accent: string; onAccent: string } | null {
  const wanted = parse(hex)
  const grounds = backgrounds.map(parse).filter((one) => one !== null)
  if (!wanted) return null
  const end = grounds.every((ground) => luminance(ground) > 0.18) ? BLACK : WHITE
  let accent = wanted
  for (let share = 0; share <= 1 && grounds.some((ground) => contrast(accent, ground) < READABLE); share += STEP) {
    accent = mixed(wanted, end, share)
  }
  return { accent: written(accent), onAccent: written(contrast(accent, WHITE) >= READABLE ? WHITE : BLACK) }
}
