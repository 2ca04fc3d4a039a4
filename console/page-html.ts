const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Cpath d='M1 11c3 0 3-6 7-6s4 6 7 6' fill='none' stroke='%230b7a75' stroke-width='2.5'/%3E%3C/svg%3E";

/** All texts come from this program, so nothing is escaped. Without an icon a browser would request one. */
const html = (title: string, head: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${icon}">${head}
</head>
<body>${body}</body>
</html>
`;

/** The page, rendered by its script. Its links are relative, since the page is below a random prefix. */
export const pageHtml = html(
  "Tailwake",
  '<link rel="stylesheet" href="page.css"><script type="module" src="page.js"></script>',
  '<div id="page"><noscript>The console needs JavaScript.</noscript></div>',
);

/** Redirects to the page. */
export const forwardHtml = (path: string): string =>
  html(
    "Tailwake",
    `<meta http-equiv="refresh" content="0; url=${path}">`,
    `<a href="${path}">Continue to the console</a>`,
  );

/** Shown to a browser without access. */
export const refusalHtml = (why: string): string =>
  html("Tailwake: no access", "", `<main><h1>No access</h1><p>${why}</p></main>`);
