// Text fields that name people, groups, accounts, roles and sources become comboboxes.
// <input data-pick="/admin/names/user/">, or a textarea with data-many: one name a line; data-free
// welcomes names that nobody has yet. Nothing here makes HTML of what the server says.

const WAIT = 120;
let number = 0;

for (const field of document.querySelectorAll("[data-pick]")) {
  field.dataset.many === undefined ? one(field) : many(field);
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function one(input) {
  combobox(input, input, (text) => { input.value = text; });
}

function many(area) {
  const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const chosen = make("ul", { class: "picked", "aria-label": area.dataset.chosen });
  input.id = area.id;
  area.id += "_names";
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (area.hasAttribute(name)) input.setAttribute(name, area.getAttribute(name));
  }
  area.hidden = true;
  area.before(chosen, input);

  const lines = () => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const write = (names) => { area.value = [...new Set(names)].join("\n"); show(); changed(area); };
  const add = (text) => { write([...lines(), ...text.split("\n").map((line) => line.trim())]); input.value = ""; };
  function show() {
    chosen.replaceChildren(...lines().map((name) => {
      const button = make("button", { type: "button", class: "button plain icon-only", "aria-label": `${area.dataset.remove} ${name}` }, "×");
      button.addEventListener("click", () => { write(lines().filter((line) => line !== name)); input.focus(); });
      return make("li", {}, make("span", {}, name), button);
    }));
    chosen.hidden = !lines().length;
  }
  input.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text") ?? "";
    if (!text.trim().includes("\n")) return;
    event.preventDefault();
    add(text);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !input.value) write(lines().slice(0, -1));
  });
  // What was typed and not chosen is not lost: it is a name like the others, and the form says
  // where nobody has it.
  const take = () => { if (input.value.trim()) add(input.value); };
  area.form?.addEventListener("submit", take);
  combobox(input, area, add, area.dataset.free === undefined ? undefined : take);
  show();
  // A browser that comes back to the page fills in what was there, perhaps only now.
  addEventListener("pageshow", show);
}

function changed(field) {
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function combobox(input, { dataset }, choose, take) {
  number += 1;
  const list = make("div", { class: "options pick-list", role: "listbox", id: `pick-${number}`, "aria-label": labelOf(input) });
  const says = make("span", { class: "vh", role: "status" });
  const box = make("div", { class: "pick" });
  list.hidden = true;
  input.before(box);
  box.append(input, list, says);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(name, value);

  let timer, asked = 0, selected = -1;
  const options = () => [...list.querySelectorAll("[role=option]")];
  function close() {
    asked += 1;
    clearTimeout(timer);
    list.hidden = true;
    selected = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function select(index) {
    const all = options();
    selected = (index + all.length) % all.length;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === selected)));
    all[selected].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[selected].id);
  }
  function pick(option) {
    choose(option.dataset.text);
    close();
    says.textContent = option.dataset.text;
    changed(input);
  }
  function show(results) {
    list.replaceChildren(...results.map(({ text, label }, i) => {
      const option = make("div", { role: "option", id: `${list.id}-${i}`, "aria-selected": "false", "data-text": text }, make("b", {}, text), make("small", {}, label));
      option.addEventListener("mousedown", (event) => { event.preventDefault(); });
      option.addEventListener("click", () => { pick(option); });
      return option;
    }));
    selected = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = !results.length;
    input.setAttribute("aria-expanded", String(results.length > 0));
    says.textContent = results.length ? `${results.length} ${dataset.found}` : dataset.none;
  }
  async function ask() {
    const mine = ++asked;
    const answer = await fetch(`${dataset.pick}?${new URLSearchParams({ q: input.value })}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== asked) return;
    const { results } = await answer.json();
    if (mine === asked) show(results);
  }
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
  input.addEventListener("click", () => { if (list.hidden && !input.value) ask(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (list.hidden) ask(); else select(selected === -1 && step === -1 ? -1 : selected + step);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && !list.hidden && selected >= 0) {
      event.preventDefault();
      pick(options()[selected]);
    } else if (event.key === "Enter" && take && input.value.trim()) {
      event.preventDefault();
      take();
      close();
    }
  });
}

function labelOf(input) {
  return (input.labels?.[0]?.textContent ?? "").trim().replace(/\s+/g, " ");
}
