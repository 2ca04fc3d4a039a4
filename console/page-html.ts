const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Cpath d='M1 11c3 0 3-6 7-6s4 6 7 6' fill='none' stroke='%230b7a75' stroke-width='2.5'/%3E%3C/svg%3E";

/** All texts are of this program. Without an icon of its own a browser would ask for one. */
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

/** The page: its program fills it. Its links are relative, since it is below a path of its own. */
export const pageHtml = html(
  "Tailwake",
  '<link rel="stylesheet" href="page.css"><script type="module" src="page.js"></script>',
  '<div id="page"><noscript>The console needs JavaScript.</noscript></div>',
);

/** Goes on to the page. */
export const forwardHtml = (path: string): string =>
  html(
    "Tailwake",
    `<meta http-equiv="refresh" content="0; url=${path}">`,
    `<a href="${path}">Go on to the console</a>`,
  );

/** What a browser shows that may not see the page. */
export const refusalHtml = (why: string): string =>
  html("Tailwake: no access", "", `<main><h1>No access</h1><p>${why}</p></main>`);
