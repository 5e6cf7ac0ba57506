// The keyboard, and the table of it that `?` shows.

const KEYS = [
  ["C X B E P F H", "click, box, brush, eraser, polygon, fill, pan"],
  ["right click, Alt or Shift click", "with Click: this is not the object"],
  ["[ ]", "smaller and larger brush"],
  ["1 to 9, Ctrl click", "choose an object; the one under the pointer"],
  ["N", "add an object"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["Enter, Esc", "close the polygon; drop it"],
  ["Left, Right, with Shift", "a frame back and on; ten"],
  ["Home, End", "first and last frame"],
  ["Space", "play and stop"],
  ["G", "segment from here, or go on"],
  ["Ctrl S", "save tracks"],
  ["R", "next frame worth a look"],
  ["V", "overlay, masks, picture, side by side, difference to the truth"],
  ["0", "the whole picture"],
  ["wheel, two fingers, middle button", "zoom and move"],
  ["Tab, then Enter, Space, arrows", "buttons and sliders"],
  ["?", "this table"],
];

const TOOLS = { c: "click", x: "box", b: "brush", e: "eraser", p: "polygon", f: "fill", h: "pan" };

// Keys that a button or slider answers itself where it was reached by Tab, not by the pointer.
const OF_CONTROLS = new Set(["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

export function bindKeys(act, table) {
  for (const [keys, meaning] of KEYS) {
    const row = table.insertRow();
    row.insertCell().append(Object.assign(document.createElement("kbd"), { textContent: keys }));
    row.insertCell().textContent = meaning;
  }
  let tabbed = false;
  addEventListener("pointerdown", () => { tabbed = false; }, true);
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.target.matches("input[type=text]")) {
      if (event.key === "Enter") event.target.blur();
      return;
    }
    if (event.key === "Tab") tabbed = true;
    if (tabbed && OF_CONTROLS.has(event.key) && event.target.matches("button, input, select")) return;
    const done = pressed(act, event);
    if (done) { event.preventDefault(); done(); }
  });
}

function pressed(act, event) {
  const { key } = event, small = key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (small === "s") return act.save;
    if (small === "z") return event.shiftKey ? act.redo : act.undo;
    return small === "y" ? act.redo : null;
  }
  if (TOOLS[small]) return () => act.tool(TOOLS[small]);
  if (/^[1-9]$/.test(key)) return () => act.select(Number(key));
  const far = event.shiftKey ? 10 : 1;
  return {
    "[": () => act.size(1 / 1.25), "]": () => act.size(1.25), n: act.add,
    enter: act.close, escape: act.escape, g: act.run, r: act.look, v: act.view, 0: act.fit,
    arrowleft: () => act.by(-far), arrowright: () => act.by(far),
    home: () => act.go(0), end: () => act.go(Infinity), " ": act.play, "?": act.help,
  }[small];
}
