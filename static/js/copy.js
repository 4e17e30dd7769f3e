// Buttons that copy what another part of the page says; without script they stay hidden.

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const [before, after] = button.querySelectorAll("span");
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const sentence = document.querySelector("h1").textContent.trim();
    await navigator.clipboard.writeText(`${sentence}\n${source.innerText.trim()}\n${location.pathname}`);
    before.hidden = true;
    after.hidden = false;
  });
}
