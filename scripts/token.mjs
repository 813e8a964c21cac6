// npm run --silent token -- <name>: prints the access token of a person or service of the running sandbox.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const readyFile = join(dirname(dirname(fileURLToPath(import.meta.url))), '.sandbox/ready.json');
const NOTHING_RUNS = 'Nothing runs here: start it with npm start, and wait until it says that it is ready.';

function fail(message) {
  console.error(message);
  process.exit(1);
}

function readReady() {
  try {
    return JSON.parse(readFileSync(readyFile, 'utf8'));
  } catch {
    return fail(NOTHING_RUNS);
  }
}

const name = process.argv[2];
const { issuer } = readReady();
const response = await fetch(`${issuer}/sandbox/token`, { method: 'POST', body: JSON.stringify({ name }) }).catch(() =>
  fail(NOTHING_RUNS),
);
const body = await response.json().catch(() => ({}));
if (response.ok) console.log(body.access_token);
else if (body.names) fail(`${name ? `Nobody is called ${name}` : 'Whose token'}? There are: ${body.names.join(', ')}.`);
else fail(`The SSO sandbox answered ${response.status}.`);
