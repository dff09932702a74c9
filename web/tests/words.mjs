// What the app says, out of its own sources.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export const SOURCES = new URL('../src/', import.meta.url).pathname

/** The words of a language, as the app has them. */
async function words(language) {
  const source = readFileSync(join(SOURCES, `i18n/${language}.ts`), 'utf8')
  const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } })
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`)
  return module[language]
}

export const [en, de] = await Promise.all(['en', 'de'].map(words))

/** All forms of what a key says. */
export const texts = (said) => (typeof said === 'string' ? [said] : Object.values(said))
