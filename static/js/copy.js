// Everything that copies. Buttons name what they copy; other scripts ask with a portal:copy event,
// whose detail holds the text and either `done`, words to say, or `button`, which says it itself.

const say = (text) => {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  document.body.append(toast);
  toast.textContent = text;
  setTimeout(() => toast.remove(), 6000);
};

const turn = (button) => {
  const [before, after] = button.querySelectorAll("span");
  before.hidden = true;
  after.hidden = false;
};

const copy = async ({ text, done, button }) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return say(document.body.dataset.copyFailed);
  }
  if (button) turn(button); else say(done);
};

document.addEventListener("portal:copy", ({ detail }) => copy(detail));

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-link]");
  if (!button) return;
  button.closest("details.menu")?.removeAttribute("open");
  copy({ text: new URL(button.dataset.copyLink, location.href).href, done: button.dataset.done });
});

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    const sentence = document.querySelector("h1").textContent.trim();
    // A closed fold has no innerText, and whoever gets the copy needs what is in it.
    for (const fold of source.querySelectorAll("details")) fold.open = true;
    copy({ text: `${sentence}\n${source.innerText.trim()}\n${location.pathname}`, button });
  });
}
