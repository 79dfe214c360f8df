// Lint rules. The import rules are the architecture (docs/decisions/0001-layers.md): a folder may import only
// what stands below it, `vscode` only in src/ui and src/extension.ts, onnxruntime-node only in the child process.
import tseslint from 'typescript-eslint';

/** What each room may import, bottom up. `protocol` and `plots` import only `domain`, and everyone above may import them. */
const layers = {
  domain: [],
  plots: ['domain'],
  protocol: ['domain'],
  profiles: ['domain', 'plots', 'protocol'],
  annotation: ['domain', 'plots', 'protocol', 'profiles'],
  retrieval: ['domain', 'plots', 'protocol', 'profiles'],
  inference: ['domain', 'plots', 'protocol', 'profiles'],
  runs: ['domain', 'plots', 'protocol', 'profiles', 'retrieval', 'inference'],
  interchange: ['domain', 'plots', 'protocol', 'profiles', 'annotation', 'retrieval', 'inference', 'runs'],
  evaluation: ['domain', 'plots', 'protocol', 'profiles', 'annotation', 'retrieval', 'inference', 'runs'],
  cli: [
    'domain',
    'plots',
    'protocol',
    'profiles',
    'annotation',
    'retrieval',
    'inference',
    'runs',
    'interchange',
    'evaluation',
  ],
  ui: [
    'domain',
    'plots',
    'protocol',
    'profiles',
    'annotation',
    'retrieval',
    'inference',
    'runs',
    'interchange',
    'evaluation',
  ],
};
const rooms = Object.keys(layers);
const vscodeBan = { name: 'vscode', message: 'Only src/ui and src/extension.ts may import vscode.' };
const ortBan = {
  name: 'onnxruntime-node',
  message: 'Only src/inference/worker may load onnxruntime-node: it blocks and can crash its process.',
};

const layerRules = rooms.map((room) => {
  const banned = rooms.filter((other) => other !== room && !layers[room].includes(other));
  return {
    files: [`src/${room}/**/*.ts`],
    ignores: room === 'inference' ? ['src/inference/worker/**'] : [],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: room === 'ui' ? [ortBan] : [vscodeBan, ortBan],
          patterns: [
            {
              group: banned.map((other) => `**/${other}/**`),
              message: `src/${room} may import only: ${layers[room].join(', ') || 'nothing'}.`,
            },
            {
              group: ['**/inference/worker/**'],
              message: 'The child process is a bundle of its own; talk to it through src/protocol.',
            },
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '**/node_modules/**',
      '.cache/**',
      'test-results/**',
      'training/**',
      'models/**',
      'examples/**',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json', './test/extension/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/unbound-method': 'off',
      'no-console': 'error',
    },
  },
  ...layerRules,
  {
    files: ['src/inference/worker/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [vscodeBan],
          patterns: [
            {
              group: ['annotation', 'retrieval', 'runs', 'interchange', 'evaluation', 'cli', 'ui'].map(
                (r) => `**/${r}/**`,
              ),
              message: 'The child imports only domain, profiles and protocol.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['webview/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [vscodeBan, ortBan],
          patterns: [
            {
              group: ['annotation', 'retrieval', 'runs', 'interchange', 'evaluation', 'cli', 'ui', 'inference'].map(
                (r) => `**/src/${r}/**`,
              ),
              message: 'The webview imports only protocol, domain and plots.',
            },
            { group: ['node:*'], message: 'The webview runs in a browser.' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts', 'webview/**/*.test.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'error' },
  },
);
