// Home: search from the first letter, and a row's keys. portal/search.py follows the same rule.

const SAME = 5, BEGINS = 4, IN_A_ROW = 3, HOLDS = 2, MISTYPED = 1;
const SHORTEST_PIECE = 2, SHORTEST_MISTYPED = 4, MOST_HITS = 50, MOST_MARKS = 5;

const fold = (text) => text.normalize("NFKC").toLowerCase();
const WORD = /[\p{L}\p{N}]+/gu;
const HUMP = /(?<=[a-z0-9])(?=[A-Z])/g;
const wordsOf = (text) => (text.replace(HUMP, " ").match(WORD) ?? []).map(fold);
const queryWords = (text) => fold(text).match(WORD) ?? [];

const common = (one, other) => {
  let length = 0;
  while (length < one.length && length < other.length && one[length] === other[length]) length++;
  return length;
};

// Where the wanted word lies on words' beginnings, as [number of the word, letters]; else nothing.
const pieces = (wanted, words, from = 0) => {
  for (let at = from; at < words.length; at++) {
    const most = common(wanted, words[at]);
    if (most === wanted.length) return [[at, most]];
    for (let length = most; length >= SHORTEST_PIECE; length--) {
      const rest = pieces(wanted.slice(length), words, at + 1);
      if (rest.length) return [[at, length], ...rest];
    }
  }
  return [];
};

const beginsButForOne = (wanted, word) => {
  const same = common(wanted, word);
  if (!same) return false;
  const rest = wanted.slice(same), there = word.slice(same);
  const swapped = rest.length > 1 && there[0] === rest[1] && there[1] === rest[0]
    && there.slice(2).startsWith(rest.slice(2));
  return there.slice(1).startsWith(rest.slice(1)) || there.startsWith(rest.slice(1))
    || there.slice(1).startsWith(rest) || swapped;
};

const match = (wanted, words, mayBeMistyped) => {
  if (words.includes(wanted)) return SAME;
  if (words.some((word) => word.startsWith(wanted))) return BEGINS;
  if (wanted.length >= 2 * SHORTEST_PIECE && pieces(wanted, words).length) return IN_A_ROW;
  if (words.some((word) => word.includes(wanted))) return HOLDS;
  if (mayBeMistyped && wanted.length >= SHORTEST_MISTYPED
    && words.some((word) => beginsButForOne(wanted, word))) return MISTYPED;
  return 0;
};

const rankedOnce = (wanted, entries, mayBeMistyped) => {
  const found = [];
  entries.forEach((entry, order) => {
    let weakest = SAME, sum = 0;
    for (const word of wanted) {
      const how = match(word, entry.words, mayBeMistyped);
      if (!how) return;
      weakest = Math.min(weakest, how);
      sum += how;
    }
    found.push({ entry, weakest, sum, order });
  });
  return found.sort((a, b) =>
    b.weakest - a.weakest || b.entry.weight - a.entry.weight || b.sum - a.sum || a.order - b.order)
    .map(({ entry }) => entry);
};

const ranked = (query, entries) => {
  const wanted = queryWords(query);
  if (!wanted.length) return [];
  const found = rankedOnce(wanted, entries, false);
  return found.length ? found : rankedOnce(wanted, entries, true);
};

// --- what can be found -------------------------------------------------------------------------

const form = document.querySelector("form.find");
const field = form.querySelector("input");
const everything = document.getElementById("everything");
const found = document.getElementById("script-found");
const text = (node, selector) => node.querySelector(selector)?.textContent ?? "";

// What is told to all; some words stand there for screen readers only.
const told = (node, selector) =>
  [...(node.querySelector(selector)?.childNodes ?? [])]
    .map((part) => (part.className === "vh" ? "" : part.textContent)).join("");

// The role's name, path and all, as its link has it.
const nameOf = (row) =>
  decodeURIComponent(row.querySelector(".open").getAttribute("href").split("/").slice(3, -1).join("/"));

// With very many roles the page comes without the links to options; their places are kept free.
const withOptions = (row, account) => {
  if (row.querySelector(".icon-only")) return;
  const link = document.createElement("a");
  link.className = "button plain icon-only";
  link.href = row.querySelector(".open").getAttribute("href").replace("/go/", "/options/");
  link.textContent = "⋯";
  link.setAttribute("aria-label", found.dataset.options
    .replace("{role}", text(row, ".role-name")).replace("{account}", account));
  row.append(link);
};

let index;
const indexed = () => {
  if (index) return index;
  const roles = [];
  for (const section of everything.querySelectorAll(".account")) {
    const header = section.firstElementChild.matches("header")
      ? section.firstElementChild : section.querySelector("header");
    const alias = text(header, "p > :last-child"), number = text(header, ".number");
    const account = text(header, "h3");
    const shared = wordsOf([account, alias, number].join(" "));
    const after = wordsOf(text(header, ".env"));
    const tags = wordsOf(section.dataset.words ?? "");
    for (const row of section.lastElementChild.children) {
      const title = text(row, ".role-name"), name = nameOf(row);
      const own = wordsOf(name === title ? title : `${title} ${name}`);
      const place = wordsOf(text(row, ".role-meta"));
      withOptions(row, account);
      roles.push({
        row, section, header,
        words: [...shared, ...own, ...after, ...place, ...tags],
        weight: Number(row.dataset.used ?? 0),
      });
    }
  }
  const marks = [...everything.querySelectorAll(".tile")].map((tile) => ({
    tile, weight: 0,
    words: wordsOf(["b", ".what", ".end", ".whose"].map((part) => told(tile, part)).join(" ")),
  }));
  return (index = { roles, marks });
};

// --- showing it ----------------------------------------------------------------------------------

const LETTERS = /\p{Lu}?[\p{Ll}\p{N}]+|[\p{L}\p{N}]+/gu;
const mark = (nodes, wanted) => {
  const places = nodes.flatMap((node) =>
    [...node.textContent.matchAll(LETTERS)].map((found) => ({ node, at: found.index, word: fold(found[0]) })));
  const words = places.map(({ word }) => word);
  for (const word of wanted)
    for (const [number, length] of pieces(word, words))
      places[number].length = Math.max(places[number].length ?? 0, length);
  for (const node of nodes) {
    const shown = node.textContent;
    node.textContent = "";
    let done = 0;
    for (const { at, length } of places.filter((place) => place.node === node && place.length)) {
      const marked = document.createElement("mark");
      marked.textContent = shown.slice(at, at + length);
      node.append(shown.slice(done, at), marked);
      done = at + length;
    }
    node.append(shown.slice(done));
  }
};

const hitOf = ({ row, section, header }, wanted) => {
  const hit = row.cloneNode(true);
  hit.dataset.env = section.dataset.env;
  const where = document.createElement("span");
  where.className = "role-where";
  where.textContent = text(header, "h3");
  hit.querySelector(".role-meta").replaceWith(where);
  hit.prepend(header.querySelector(".env").cloneNode(true));
  hit.querySelector(".open").before(header.querySelector(".number").cloneNode(true));
  mark([where, hit.querySelector(".role-name")], wanted);
  return hit;
};

const markOf = ({ tile }) => {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.className = "recent";
  link.href = tile.href;
  link.dataset.env = tile.dataset.env;
  const name = document.createElement("span");
  name.append(text(tile, "b"), " ");
  const quiet = document.createElement("span");
  quiet.className = "quiet";
  quiet.textContent = told(tile, ".what");
  name.append(quiet);
  link.append(tile.querySelector(".icon").cloneNode(true), name, tile.querySelector(".end").cloneNode(true));
  link.querySelector(".icon").classList.add("env-icon");
  item.append(link);
  return item;
};

const hits = found?.querySelector(".hits");
const show = () => {
  const query = field.value.trim();
  everything.hidden = Boolean(query);
  form.querySelector("kbd").textContent = query ? "Esc" : "/";
  found.hidden = !query;
  if (!query) return hits.replaceChildren();
  const { roles, marks } = indexed();
  const wanted = queryWords(query);
  const best = ranked(query, roles), also = ranked(query, marks).slice(0, MOST_MARKS);
  hits.replaceChildren(...best.slice(0, MOST_HITS).map((role) => hitOf(role, wanted)));
  hits.hidden = !best.length;
  hits.firstElementChild?.setAttribute("data-selected", "");
  found.querySelector("h2").textContent =
    (best.length === 1 ? found.dataset.one : found.dataset.many).replace("{count}", best.length);
  found.querySelector("[role=status]").textContent =
    (best.length > MOST_HITS ? found.dataset.more : found.dataset.note).replace("{total}", roles.length);
  const section = found.querySelector("section");
  section.hidden = !also.length;
  section.querySelector("ul").replaceChildren(...also.map(markOf));
};

// --- keys ----------------------------------------------------------------------------------------

const rowOf = (node) => node?.closest?.("li.role, li:has(> .tile, > .recent)");
const openOf = (row) => row?.querySelector(".open, .tile, .recent");
const launchOf = (row) => new URL(openOf(row).href);
const rolePath = (row) => launchOf(row).pathname.slice("/go/".length);
const rows = () => [...(found.hidden ? everything : found).querySelectorAll(".open, .tile, .recent")];

const bookmarkPath = (row) => {
  const [account, ...role] = rolePath(row).replace(/\/$/, "").split("/").map(decodeURIComponent);
  const wish = launchOf(row).searchParams;
  const fields = new URLSearchParams({ account, role: role.join("/") });
  for (const name of ["to", "region"]) if (wish.get(name)) fields.set(name, wish.get(name));
  return `/bookmarks/?${fields}`;
};

const acts = {
  b: (row) => { location.href = bookmarkPath(row); },
  c: (row) => { location.href = `/credentials/${rolePath(row)}`; },
  l: (row) => document.dispatchEvent(new CustomEvent("portal:copy",
    { detail: { text: launchOf(row).href, done: found.dataset.copied } })),
};

const choose = (step) => {
  const links = rows();
  const selected = hits.querySelector("[data-selected]");
  const here = document.activeElement === field
    ? links.indexOf(openOf(selected)) : links.indexOf(document.activeElement.closest(".open, .tile, .recent"));
  const next = here + step;
  selected?.removeAttribute("data-selected");
  if (next < 0) {
    field.focus();
    hits.firstElementChild?.setAttribute("data-selected", "");
    return;
  }
  const link = links[Math.min(next, links.length - 1)];
  if (!found.hidden) link?.closest("li.role")?.setAttribute("data-selected", "");
  link?.focus();
};

const clear = () => {
  field.value = "";
  show();
  field.focus();
};

const inField = (event) => {
  const selected = hits.querySelector("[data-selected]");
  if (event.key === "Enter" && selected) {
    event.preventDefault();
    if (event.shiftKey) location.href = `/options/${rolePath(selected)}`;
    else if (event.ctrlKey || event.metaKey) window.open(openOf(selected).href, "_blank", "noopener");
    else openOf(selected).click();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    choose(1);
  } else if (event.key === "Escape" && field.value) {
    event.preventDefault();
    clear();
  }
};

const onRow = (event, row) => {
  const isOption = (event.key === "Enter" && event.shiftKey) || event.key === "ArrowRight";
  if (isOption) location.href = `/options/${rolePath(row)}`;
  else if (event.key === "ArrowDown") choose(1);
  else if (event.key === "ArrowUp") choose(-1);
  else return false;
  event.preventDefault();
  return true;
};

const areSingleKeysOn = () => {
  try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; }
};

const elsewhere = (event) => {
  const row = rowOf(document.activeElement);
  if (row && onRow(event, row)) return;
  if (event.key === "Escape") {
    field.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !areSingleKeysOn()) return;
  if (event.key === "/" || event.key === "ArrowDown") {
    event.preventDefault();
    if (event.key === "/") field.focus(); else choose(1);
  } else if (row && acts[event.key]) {
    event.preventDefault();
    acts[event.key](row);
  } else if (event.key.length === 1 && event.key !== " ") {
    // The letter itself arrives in the field, as the focus moves before it is put in.
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
};

if (everything && found) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open], details.menu[open]")) return;
    if (event.target === field) inField(event);
    else if (!/^(input|textarea|select)$/i.test(event.target.tagName)) elsewhere(event);
  });
  field.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("focusin", (event) => {
    if (found.hidden || event.target === field) return;
    const row = event.target.closest(".hits > .role");
    if (!row) return;
    hits.querySelector("[data-selected]")?.removeAttribute("data-selected");
    row.setAttribute("data-selected", "");
  });
  const wanted = new URLSearchParams(location.hash.slice(1)).get("q");
  if (wanted) field.value = wanted;
  if (field.value) show();
  (window.requestIdleCallback ?? setTimeout)(indexed);
} else {
  // A page of results holds these alone: a changed search goes on where all roles are.
  field.addEventListener("input", () => {
    location.href = `/#${new URLSearchParams({ q: field.value })}`;
  });
}
if (document.activeElement === field) field.setSelectionRange(field.value.length, field.value.length);
