import { defineConfig } from 'vitest/config';

/** Unit tests stand beside what they test. Suites that need a real editor, browser or Python live in test/. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'webview/**/*.test.ts', 'test/unit/**/*.test.ts'],
    testTimeout: 120_000,
    globalSetup: ['test/unit/temporary-folder.ts'],
    // Two cores: more workers only fight each other.
    maxWorkers: 2,
  },
});
