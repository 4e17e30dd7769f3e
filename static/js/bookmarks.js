// Reordering by drag (mouse or finger), and by Alt and the arrows; each move is the form's own POST.

const list = document.getElementById("own-marks");

const send = (row, to) => {
  const form = row.querySelector(".pop form");
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name: "to", value: to });
  form.append(field);
  form.submit();
};

const place = (row) => [...list.children].indexOf(row);

const follow = (row, y) => {
  const over = [...list.children].find((other) => {
    const box = other.getBoundingClientRect();
    return other !== row && y >= box.top && y <= box.bottom;
  });
  if (!over) return;
  const box = over.getBoundingClientRect();
  const middle = box.top + box.height / 2;
  // The others move round the row: to take the row out of the page would end the drag.
  if (y < middle) while (place(over) < place(row)) row.after(row.previousElementSibling);
  else while (place(over) > place(row)) row.before(row.nextElementSibling);
};

const drag = (row, grip) => {
  const start = place(row);
  const following = (event) => follow(row, event.clientY);
  const end = (event) => {
    grip.removeEventListener("pointermove", following);
    grip.removeEventListener("pointerup", end);
    grip.removeEventListener("pointercancel", end);
    delete row.dataset.state;
    if (event.type === "pointercancel") location.reload();
    else if (place(row) !== start) send(row, place(row));
  };
  row.dataset.state = "moving";
  grip.addEventListener("pointermove", following);
  grip.addEventListener("pointerup", end);
  grip.addEventListener("pointercancel", end);
};

for (const row of list?.children ?? []) {
  const grip = row.querySelector(".grip");
  grip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    grip.focus();
    grip.setPointerCapture(event.pointerId);
    drag(row, grip);
  });
  row.addEventListener("keydown", (event) => {
    const to = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!event.altKey || !to) return;
    event.preventDefault();
    send(row, to);
  });
}

// After a move the focus is where it was. Going to an address's fragment takes it away, so wait.
const moved = location.hash.startsWith("#bookmark-") && document.querySelector(location.hash);
if (moved) addEventListener("load", () => requestAnimationFrame(() => moved.querySelector(".grip").focus()));
