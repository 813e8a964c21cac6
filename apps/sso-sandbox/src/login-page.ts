import { people } from './people.js';

/** The sign-in page: choose who you are. There are no passwords in a sandbox. */
export function loginPage(uid: string, clientId: string): string {
  const buttons = people
    .map(
      ({ displayName, login }) =>
        `<li><button name="login" value="${escape(login)}">${escape(displayName)} <small>${escape(login)}</small></button></li>`,
    )
    .join('\n        ');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Sign in - SSO sandbox</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }
      ul { list-style: none; padding: 0; }
      button { font: inherit; width: 100%; padding: .6rem; margin: .2rem 0; text-align: left; cursor: pointer; }
      small { color: #666; }
    </style>
  </head>
  <body>
    <h1>Sign in</h1>
    <p><b>${escape(clientId)}</b> wants to know who you are. This is a sandbox: pick anybody.</p>
    <form method="post" action="/sandbox/login/${escape(uid)}">
      <ul>
        ${buttons}
      </ul>
    </form>
  </body>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
