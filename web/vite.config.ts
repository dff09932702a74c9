import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig, type Plugin } from 'vite'

// Addresses are relative: the server says in <base> below which path it stands. /assets is the API's own.
export default defineConfig({
  base: './',
  plugins: [tailwindcss(), svelte(), stylesAtTheEnd()],
  build: { assetsDir: 'app', target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/invitations': 'http://127.0.0.1:8080' } },
})

/** The page is seen before its styles have come: they stand below what is seen first. The app waits for them. */
function stylesAtTheEnd(): Plugin {
  const link = /\s*<link rel="stylesheet"[^>]*>/g
  return {
    name: 'styles-at-the-end',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (page) => page.replace(link, '').replace(/\s*<\/body>/, `${(page.match(link) ?? []).join('')}\n  </body>`),
    },
  }
}
