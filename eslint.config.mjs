import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** The floors of the house (docs/architecture.md): what a lib may stand on, lowest first. */
const floors = {
  clock: [],
  problems: [],
  secrets: ['problems', 'clock'],
  config: ['problems', 'clock', 'secrets'],
  logging: ['problems', 'clock', 'secrets', 'config'],
  identity: ['problems', 'clock', 'secrets', 'config', 'logging'],
};
const ground = Object.keys(floors);
const libs = { ...floors, policy: ground, 'veeam-client': ground, store: ground, audit: [...ground, 'store'] };

const throughTheDoor = {
  regex: '^@app/[^/]+/.+',
  message: 'A lib is entered through its index.ts only.',
};
const noSandbox = {
  regex: '(veeam|sso)-sandbox',
  message: 'The product shares no code with the sandboxes, or the same mistake would pass on both sides.',
};
const noApps = { regex: '/apps/', message: 'apps -> libs, never back.' };

const libRules = Object.entries(libs).map(([lib, allowed]) => ({
  files: [`libs/${lib}/src/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          throughTheDoor,
          noSandbox,
          noApps,
          {
            regex: `^@app/(?!(${[...allowed, '-'].join('|')})$)`,
            message: `libs/${lib} stands on: ${allowed.join(', ') || 'nothing'}. Anything else would turn the floors of the house upside down.`,
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.sandbox', 'coverage', 'jest.config.cjs'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.mjs', 'scripts/*.mjs', 'drizzle.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Nest modules are empty classes that carry a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-restricted-imports': ['error', { patterns: [throughTheDoor] }],
      'no-console': 'error',
      // Nest 12 declares its options as classes; every options literal would be flagged.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  {
    // The decorator metadata needs parameter types as values; the rule cannot see that.
    files: ['apps/gateway/src/**/*.ts', 'libs/**/src/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-imports': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'Only libs/config reads the environment.',
        },
      ],
      'no-restricted-imports': ['error', { patterns: [throughTheDoor, noSandbox] }],
    },
  },
  ...libRules,
  { files: ['libs/config/src/environment.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['apps/*-sandbox/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^@app/', message: 'A sandbox imports nothing of the product.' },
            { regex: '/(libs|gateway)/', message: 'A sandbox imports nothing of the product.' },
          ],
        },
      ],
    },
  },
  {
    files: ['apps/*-sandbox/src/main.ts', 'scripts/**', 'bench/**', 'apps/gateway/src/migrate.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      // supertest's response.body is any; the assertions on it are the check.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: ['**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
  prettier,
);
