// Credentials: values hidden until asked, copy, countdown; nothing stays behind when the page goes.

const shells = document.getElementById("shells");
const countdown = document.getElementById("countdown");
const DOTS = "•".repeat(20);

let secrets = new Map();
for (const mask of shells.querySelectorAll(".mask")) {
  secrets.set(mask, mask.textContent);
  mask.textContent = DOTS;
}

const reveal = (shell, shown) => {
  for (const mask of shell.querySelectorAll(".mask"))
    mask.textContent = shown ? secrets.get(mask) ?? DOTS : DOTS;
  shell.querySelector("[data-show-values]").setAttribute("aria-pressed", String(shown));
};

const fullText = (pre) =>
  [...pre.childNodes].map((node) => secrets.get(node) ?? node.textContent).join("");

shells.addEventListener("click", (event) => {
  const shell = event.target.closest(".shell");
  const button = event.target.closest("button");
  if (!button) return;
  if ("copyValues" in button.dataset) {
    document.dispatchEvent(new CustomEvent("portal:copy",
      { detail: { text: fullText(shell.querySelector("pre")), done: shells.dataset.done } }));
  } else {
    reveal(shell, button.getAttribute("aria-pressed") !== "true");
  }
});
shells.querySelector("details").open = true;

// The address is the form's own again: coming back asks anew and sends nothing twice.
history.replaceState(null, "", location.href);

const forget = () => {
  secrets = new Map();
  for (const mask of shells.querySelectorAll(".mask")) mask.textContent = DOTS;
};
addEventListener("pagehide", forget);
addEventListener("pageshow", (event) => { if (event.persisted) location.replace(location.href); });

// The page brings the patterns in its language.
const words = (seconds) => {
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds % 3600 / 60);
  const { inSeconds, inMinutes, inHours, inBoth } = countdown.dataset;
  const pattern = seconds < 120 ? inSeconds : !hours ? inMinutes : minutes ? inBoth : inHours;
  return pattern.replace("{seconds}", seconds).replace("{hours}", hours).replace("{minutes}", minutes);
};

const tick = () => {
  const left = Math.max(0, Math.round((Date.parse(countdown.dataset.expires) - Date.now()) / 1000));
  const number = countdown.querySelector(".big-number");
  if (number.textContent !== words(left)) number.textContent = words(left);
  countdown.querySelector("progress").value = left;
  if (left < 300) countdown.dataset.state = "warn";
  if (left) return setTimeout(tick, left <= 120 ? 1000 : ((left % 60) + 1) * 1000);
  forget();
  shells.hidden = true;
  document.getElementById("ended").hidden = false;
};
tick();
