// Buttons that copy a text to be pasted elsewhere, as it stands.
for (const button of document.querySelectorAll("[data-paste]")) {
  const source = document.getElementById(button.dataset.paste);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    const detail = { text: `${source.textContent}\n`, button };
    document.dispatchEvent(new CustomEvent("portal:copy", { detail }));
  });
}
