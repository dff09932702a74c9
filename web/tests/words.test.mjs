// English and German say the same things, and nothing that no page says.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { de, en, SOURCES, texts } from './words.mjs'

const holes = (said) => [...new Set(texts(said).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)))].sort()

/** Everything the app is made of, but its words. */
const source = readdirSync(SOURCES, { recursive: true })
  .filter((path) => /\.(svelte|ts)$/.test(path) && !/^i18n.(en|de)\.ts$/.test(path) && !path.endsWith('schema.d.ts'))
  .map((path) => readFileSync(join(SOURCES, path), 'utf8'))
  .join('\n')

test('both languages have the same keys, with the same forms and the same things filled in', () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort())
  for (const key of Object.keys(en)) {
    assert.equal(typeof de[key], typeof en[key], key)
    assert.deepEqual(holes(de[key]), holes(en[key]), key)
    for (const text of [...texts(en[key]), ...texts(de[key])]) assert.ok(text.trim(), `${key} says nothing`)
  }
})

test('no key is left that no page says', () => {
  // Keys are written out, or put together from a beginning and a name: `status.${state}`.
  const patterns = [...source.matchAll(/`([\w.]+\.)\$\{[^}`]*\}((?:[\w.]|\$\{[^}`]*\})*)`/g)].map(([, begin, end]) => {
    const rest = end.replaceAll('.', '\\.').replace(/\$\{[^}]*\}/g, '\\w+')
    return new RegExp(`^${begin.replaceAll('.', '\\.')}\\w+${rest}$`)
  })
  const isSaid = (key) => source.includes(`'${key}'`) || patterns.some((pattern) => pattern.test(key))
  assert.deepEqual(Object.keys(en).filter((key) => !isSaid(key)), [])
})
