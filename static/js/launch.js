// The options of a launch: the key names the chosen length, the links follow what is typed.

const form = document.getElementById("options");
const length = document.getElementById("for");
const copy = document.getElementById("copy-link");
const bookmark = document.getElementById("bookmark");
const usual = new FormData(form).get("seconds");

const filled = (names) => {
  const typed = new FormData(form);
  const wanted = names.filter((name) => typed.get(name)?.trim());
  return new URLSearchParams(wanted.map((name) => [name, typed.get(name).trim()]));
};

const follow = () => {
  const chosen = form.querySelector("[name=seconds]:checked");
  length.textContent = ` ${length.dataset.pattern.replace("%s", chosen.parentElement.textContent.trim())}`;
  length.hidden = false;
  const address = new URL(bookmark.href);
  for (const name of ["to", "region"]) address.searchParams.delete(name);
  for (const [name, value] of filled(["to", "region"])) address.searchParams.set(name, value);
  bookmark.href = address.href;
};

copy.hidden = !navigator.clipboard;
copy.addEventListener("click", () => {
  const names = form.querySelector("[name=seconds]:checked").value === usual ? [] : ["seconds"];
  const query = filled(["to", "region", ...names]).toString();
  document.dispatchEvent(new CustomEvent("portal:copy",
    { detail: { text: form.action + (query && `?${query}`), button: copy } }));
});

form.addEventListener("input", follow);
follow();
