// Keys and small conveniences of every page: g h/b/i, ?, menus.

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
    search.value += "g";
  }
  leading = 0;
});

if (singleKeys) {
  singleKeys.checked = areOn();
  singleKeys.addEventListener("change", () => {
    try { localStorage.setItem(KEPT, singleKeys.checked ? "on" : "off"); } catch { /* kept until the page goes */ }
  });
}
