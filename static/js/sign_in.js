// Shows the password on demand and says when Caps Lock is on. The form works without it.

const password = document.getElementById("password");
const show = document.getElementById("show-password");
const capsLock = document.querySelector("#caps-lock > span");

show.hidden = false;
show.addEventListener("click", () => {
  const isShown = password.type === "text";
  password.type = isShown ? "password" : "text";
  show.setAttribute("aria-pressed", String(!isShown));
  password.focus();
});

// A password manager looks for a password field.
password.form.addEventListener("submit", () => { password.type = "password"; });

for (const kind of ["keydown", "keyup"]) {
  password.form.addEventListener(kind, (event) => {
    if (event.getModifierState) capsLock.hidden = !event.getModifierState("CapsLock");
  });
}
