import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'

// Addresses are relative: the server says in <base> below which path it stands. /assets is the API's own.
export default defineConfig({
  base: './',
  plugins: [tailwindcss(), svelte()],
  build: { assetsDir: 'app', target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/invitations': 'http://127.0.0.1:8080' } },
})
