// A list of the administration: one box chooses all rows of the page, a line says how many are.

const form = document.getElementById("changelist-form");
const all = document.getElementById("action-toggle");
const count = document.getElementById("chosen-count");
const boxes = [...(form?.querySelectorAll("input.action-select") ?? [])];

function show() {
  const chosen = boxes.filter((box) => box.checked).length;
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  if (count) count.textContent = chosen ? `${chosen} / ${boxes.length}` : "";
}

all?.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  show();
});
form?.addEventListener("change", show);
show();

// A menu closes when one goes on elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});
document.addEventListener("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target instanceof Element && target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
