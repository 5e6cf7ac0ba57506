"use strict";

const sequences = JSON.parse(document.getElementById("readouts").textContent);

function compare(a, b) {
  const x = Number(a), y = Number(b);
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
}

function sortBy(table, header) {
  const column = header.cellIndex;
  const first = header.classList.contains("number") && column > 1 ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  const sign = order === "ascending" ? 1 : -1;
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const shown = row => row.cells[column].textContent.trim();
  const empty = row => shown(row) === "\u2013";
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => empty(a) - empty(b) || sign * compare(shown(a), shown(b)));
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(table, header));
    header.append(button);
  }
}

function read(article, frame) {
  const { frames, curves } = sequences[article.dataset.number];
  const at = Math.max(0, Math.min(frames.length - 1, frame));
  article.dataset.frame = at;
  const parts = {};
  for (const { measure, label, values } of curves) {
    (parts[measure] ??= []).push(`${label}: ${values[at] ?? "\u2013"}`);
  }
  const figures = Object.entries(parts).map(([measure, found]) => `${measure} of ${found.join(", ")}`);
  article.querySelector(".readout").textContent = `Frame ${frames[at]}. ${figures.join(". ")}`;
  for (const plot of article.querySelectorAll(".plot")) {
    const cursor = plot.querySelector(".cursor") ?? plot.appendChild(document.createElement("span"));
    cursor.className = "cursor";
    cursor.style.left = `${100 * at / Math.max(1, frames.length - 1)}%`;
  }
}

for (const plot of document.querySelectorAll(".plot")) {
  const article = plot.closest(".sequence");
  const last = sequences[article.dataset.number].frames.length - 1;
  plot.addEventListener("pointermove", event => {
    const box = plot.getBoundingClientRect();
    read(article, Math.round((event.clientX - box.left) / box.width * last));
  });
  plot.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    read(article, Number(article.dataset.frame ?? 0) + step);
  });
}
