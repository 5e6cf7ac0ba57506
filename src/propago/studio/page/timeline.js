// The whole video at a glance: a row an object, its area as height; what looks wrong is marked.

const ROW = 24, HEAD = 10, FEWEST_ROWS = 3;

export class Timeline {
  constructor(canvas, editor, project) {
    Object.assign(this, { canvas, editor, project });
    this.figures = project.figures;
    const scrub = (event) => {
      if (event.type === "pointerdown") canvas.setPointerCapture(event.pointerId);
      else if (!event.buttons) return;
      const place = canvas.getBoundingClientRect();
      editor.show(Math.floor((event.clientX - place.left) / place.width * this.count));
    };
    canvas.addEventListener("pointerdown", scrub);
    canvas.addEventListener("pointermove", scrub);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  get count() { return Math.max(this.project.pictures.total ?? this.project.pictures.ready, 1); }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.#drawNow(); });
  }

  #drawNow() {
    const { canvas, project } = this, ids = Object.keys(project.objects).map(Number);
    const height = HEAD + ROW * Math.max(ids.length, FEWEST_ROWS), ratio = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d"), width = canvas.clientWidth, step = width / this.count;
    context.scale(ratio, ratio);
    context.fillStyle = "#2b303b";
    context.fillRect(0, 0, width, HEAD - 3);
    context.fillStyle = "#5b6577";
    context.fillRect(0, 0, project.pictures.ready * step, HEAD - 3);
    ids.forEach((id, row) => this.#row(context, id, HEAD + row * ROW, step));
    this.#swaps(context, ids, step);
    context.fillStyle = "#ffffff30";
    context.fillRect(this.editor.index * step, 0, step, height);
    context.fillStyle = "#fff";
    context.fillRect((this.editor.index + 0.5) * step - 1, 0, 2, height);
  }

  #row(context, id, top, step) {
    const { project, figures } = this, wide = Math.max(step, 1);
    let largest = 1, was = false;
    for (const said of Object.values(figures)) largest = Math.max(largest, said[id]?.[0] ?? 0);
    for (const [index, said] of Object.entries(figures)) {
      const [area, score] = said[id] ?? [0, 0], x = index * step;
      if (area) {
        const tall = Math.max(2, (ROW - 4) * area / largest);
        context.fillStyle = project.objects[id].colour;
        context.fillRect(x, top + ROW - 2 - tall, wide, tall);
        if (score < 0.6) { context.fillStyle = "#ffe14a"; context.fillRect(x, top + ROW - 2 - tall, wide, 3); }
        was = true;
      } else if (was && said[id]) {
        context.fillStyle = "#d64545";
        context.fillRect(x, top + ROW - 5, wide, 3);
      }
    }
    context.fillStyle = "#fff";
    context.font = "11px system-ui, sans-serif";
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    context.fillText(project.objects[id].name, 20, top + ROW / 2 + 3, 160);
    context.shadowBlur = 0;
    for (const [index, ids] of Object.entries(project.annotations)) {
      if (!ids.includes(id)) continue;
      const x = (Number(index) + 0.5) * step;
      context.beginPath();
      context.moveTo(x - 4, top);
      context.lineTo(x + 4, top);
      context.lineTo(x, top + 7);
      context.fill();
    }
    const { ended } = project.objects[id];
    if (ended !== null) { context.fillStyle = "#8c93a1"; context.fillRect(ended * step - 1, top, 2, ROW - 2); }
  }

  // Where two have likely changed places: an arrow in the row of each.
  #swaps(context, ids, step) {
    context.font = "bold 15px system-ui, sans-serif";
    context.fillStyle = "#ff7bf0";
    for (const { index, one, other } of this.project.swaps) {
      for (const row of [ids.indexOf(one), ids.indexOf(other)]) {
        if (row >= 0) context.fillText("\u21c4", (index + 0.5) * step - 7, HEAD + row * ROW + ROW - 8);
      }
    }
  }
}
