/** The page that asks for a token: one form, no script. */

type LoginPage = {
  /** A path of this server, where a login leads. */
  next: string;
  /** Why the last attempt failed. */
  refusal: string | null;
};

export const loginStyle = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { min-height: 90vh; margin: 0; display: grid; place-items: center; }
form { width: min(24rem, 90vw); display: grid; gap: 0.75rem; }
h1 { font-size: 1.25rem; margin: 0; }
input, button { font: inherit; padding: 0.5rem 0.75rem; }
p { margin: 0; }
[role="alert"] { color: light-dark(#b00020, #ff8a80); }
`;

export const loginPage = ({ next, refusal }: LoginPage): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Log in · container-orchestrator</title>
<style>${loginStyle}</style>
</head>
<body>
<form method="post" action="/login">
<h1>container-orchestrator</h1>
${refusal === null ? '' : `<p role="alert">${escapeHtml(refusal)}</p>`}
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="${escapeHtml(next)}">
<button>Log in</button>
<p>An admin issues one with <code>coctl token create NAME --scope read</code>.</p>
</form>
</body>
</html>
`;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string) => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
