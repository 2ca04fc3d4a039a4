/**
 * Finds accessibility problems for people who cannot see the page or have no mouse. Runs in the page, so it must be
 * self-contained. Returns a line for each problem.
 */
export function audit(): string[] {
  const wrong: string[] = [];
  const all = <E extends Element = HTMLElement>(selector: string) => [...document.querySelectorAll<E>(selector)];
  const isShown = (element: Element) =>
    element.checkVisibility({ checkVisibilityCSS: true }) && element.getBoundingClientRect().width > 0;
  const what = (element: Element) => `${element.tagName.toLowerCase()} ${(element.textContent ?? "").slice(0, 40)}`;

  if (document.title === "" || document.documentElement.lang === "") wrong.push("no title or language");
  for (const selector of ["h1", "main", "header", "header nav[aria-label]"]) {
    const found = all(selector).length;
    if (found !== 1) wrong.push(`${found} ${selector}`);
  }
  let level = 0;
  for (const heading of all("h1, h2, h3, h4").filter(isShown)) {
    const next = Number(heading.tagName[1]);
    if (heading.closest("main") && next > level + 1) wrong.push(`heading out of order: ${what(heading)}`);
    if (heading.closest("main")) level = next;
  }

  for (const control of all<HTMLInputElement>("a, button, input, select, textarea, [tabindex='0']").filter(isShown)) {
    const labelled = (control.getAttribute("aria-labelledby") ?? "")
      .split(" ")
      .map((id) => document.getElementById(id));
    const names = [
      control.getAttribute("aria-label"),
      ...labelled.map((label) => label?.textContent),
      ...[...(control.labels ?? [])].map(({ textContent }) => textContent),
      /^(A|BUTTON)$/.test(control.tagName) ? control.textContent : "",
    ];
    if (!names.some((name) => name?.trim())) wrong.push(`no name: ${control.outerHTML.slice(0, 80)}`);
  }
  for (const head of all("th")) if (!head.hasAttribute("scope")) wrong.push(`no scope: ${what(head)}`);
  for (const one of all("[tabindex]")) if (one.tabIndex > 0) wrong.push(`an order of its own: ${what(one)}`);
  for (const image of all("img, svg, canvas")) {
    if (!image.closest("[aria-hidden='true']") && !image.getAttribute("alt")) wrong.push(`no text: ${what(image)}`);
  }
  const ids = all("[id]").map(({ id }) => id);
  if (new Set(ids).size !== ids.length) wrong.push(`an id twice: ${ids.join(" ")}`);
  for (const attribute of ["aria-labelledby", "aria-describedby"]) {
    for (const one of all(`[${attribute}]`)) {
      for (const id of (one.getAttribute(attribute) ?? "").split(" ")) {
        if (!document.getElementById(id)) wrong.push(`${attribute} of nothing: ${id}`);
      }
    }
  }

  // WCAG 2, 1.4.3: 4.5 to 1, and 3 to 1 for large text.
  const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r = 0, g = 0, b = 0]: number[]) => {
    const [x = 0, y = 0, z = 0] = [r, g, b].map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const groundOf = (element: Element | null): number[] => {
    if (!element) return [255, 255, 255];
    const ground = channels(getComputedStyle(element).backgroundColor);
    return (ground[3] ?? 1) === 1 ? ground : groundOf(element.parentElement);
  };
  for (const element of all("body *").filter(isShown)) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    if (!own || element.matches(":disabled, option")) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const [light = 0, dark = 0] = [luminance(channels(color)), luminance(groundOf(element))].sort((a, b) => b - a);
    const size = Number.parseFloat(fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${what(element)}`);
  }
  return wrong;
}

/** Number of pixels by which the page is wider than its window. Runs in the page. */
export function overflow(): number {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}
