// Keys and small conveniences of every page: g h/b/i, ?, copy buttons, menus, one toast.

const KEPT = "single-keys";
const GO = { h: "/", b: "/bookmarks/", i: "/history/" };
const SECONDS_TO_GO_ON = 1.5;

const singleKeys = document.getElementById("single-keys");
const dialog = document.getElementById("keys");
let leading = 0;

const isTyping = (target) =>
  target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);

const areOn = () => {
  try { return localStorage.getItem(KEPT) !== "off"; } catch { return true; }
};

const say = (text) => {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  document.body.append(toast);
  toast.textContent = text;
  setTimeout(() => toast.remove(), 6000);
};

const copy = async (text, done) => {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch {
    say(document.body.dataset.copyFailed ?? "This browser does not let the page copy.");
  }
};

document.addEventListener("portal:copy", ({ detail }) => copy(detail.text, detail.done));

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-link]");
  if (!button) return;
  button.closest("details.menu")?.removeAttribute("open");
  copy(new URL(button.dataset.copyLink, location.href).href, button.dataset.done);
});

// Menus: Esc closes and gives the focus back, so does leaving; arrows move.
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  const items = [...menu.querySelectorAll(".pop a, .pop button")];
  const at = items.indexOf(document.activeElement);
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.key === "ArrowDown") {
    items[(at + 1) % items.length]?.focus();
  } else if (event.key === "ArrowUp") {
    items[(at - 1 + items.length) % items.length]?.focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}, true);
const closeOthers = (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
};
document.addEventListener("focusin", closeOthers);
document.addEventListener("click", closeOthers);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]") || !areOn()) return;
  if (leading && event.timeStamp - leading < SECONDS_TO_GO_ON * 1000 && GO[event.key]) {
    event.preventDefault();
    event.stopImmediatePropagation();
    location.href = GO[event.key];
  } else if (event.key === "g") {
    leading = event.timeStamp;
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  } else if (event.key === "?" && dialog) {
    event.preventDefault();
    event.stopImmediatePropagation();
    dialog.showModal();
  }
  // A g that led nowhere was the beginning of a word.
  const search = document.querySelector("form.find input");
  if (leading && search && event.key.length === 1 && !event.defaultPrevented) {
    search.focus();
    search.value = "g";
  }
  leading = 0;
});

if (singleKeys) {
  singleKeys.checked = areOn();
  singleKeys.addEventListener("change", () => {
    try { localStorage.setItem(KEPT, singleKeys.checked ? "on" : "off"); } catch { /* kept until the page goes */ }
  });
}
