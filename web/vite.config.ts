import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// One script, one style sheet, no inline code: the page runs under `script-src 'self'`.
// Addresses are relative, so that the page also works below a path of another site.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../billiards_trainer/api/static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8000',
      '/health': 'http://127.0.0.1:8000',
      '/ws': { target: 'ws://127.0.0.1:8000', ws: true },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', css: true },
});
