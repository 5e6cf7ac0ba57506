// What the pointer does: one tool at a time; two fingers, the wheel and the middle button move.

import { flood, polygon, stroke } from "./labels.js";

const NEAR_PX = 9;

export class Tools {
  constructor(editor, view, failed) {
    Object.assign(this, { editor, view, failed });
    this.name = "click";
    this.radius = 12;
    this.clicks = [];
    this.points = [];
    this.fingers = new Map();
    const canvas = view.canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("dblclick", () => this.closePolygon());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX, event.clientY);
    }, { passive: false });
    view.marks = (context, px) => this.#marks(context, px);
  }

  choose(name) {
    this.name = name;
    this.forgetMarks();
  }

  forgetMarks() {
    this.clicks = [];
    this.points = [];
    this.box = null;
    this.view.draw();
  }

  closePolygon() {
    const points = this.points;
    this.points = [];
    if (points.length > 2) this.editor.draw((map, id) => polygon(map, points, id));
    this.view.draw();
  }

  #down(event) {
    const { view, editor } = this, point = view.point(event);
    view.canvas.focus({ preventScroll: true });
    view.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 2) { this.doing = "pinch"; editor.abandon(); this.box = null; return; }
    if (event.ctrlKey || event.metaKey) { editor.pick(point); return; }
    if (event.button === 1 || this.name === "pan") { this.doing = "pan"; return; }
    if (this.name === "click") { this.#click(point, event.button !== 2 && !event.altKey && !event.shiftKey); return; }
    if (event.button !== 0) return;
    this.doing = this.name;
    this.last = point;
    if (this.name === "box") this.box = { from: point, to: point };
    else if (this.name === "polygon") this.#corner(point);
    else if (this.name === "fill") this.#fill(point);
    else if (editor.begin()) this.#paint(point);
  }

  #move(event) {
    const { view } = this, point = view.point(event);
    this.hover = point;
    const finger = this.fingers.get(event.pointerId);
    if (!finger) { view.draw(); return; }
    const dx = event.clientX - finger.x, dy = event.clientY - finger.y;
    if (this.doing === "pinch") this.#pinch(event);
    else if (this.doing === "pan") view.pan(dx, dy);
    else if (this.doing === "box" && this.box) { this.box.to = point; view.draw(); }
    else if (this.doing === "brush" || this.doing === "eraser") this.#paint(point);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  #up(event) {
    this.fingers.delete(event.pointerId);
    const doing = this.doing;
    if (this.fingers.size) return;
    this.doing = null;
    if (doing === "brush") this.editor.finish([this.editor.selected]);
    else if (doing === "eraser") this.editor.finish([this.editor.selected]);
    else if (doing === "box" && this.box) this.#boxed();
  }

  #paint(point) {
    const { selected } = this.editor;
    const [id, only] = this.doing === "eraser" ? [0, selected] : [selected, null];
    this.editor.change((map) => stroke(map, this.last, point, this.radius / 2, id, only));
    this.last = point;
  }

  #pinch(event) {
    const [a, b] = [...this.fingers.values()];
    const reach = (p, q) => Math.hypot(p.x - q.x, p.y - q.y) || 1;
    const before = reach(a, b), old = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [c, d] = [...this.fingers.values()], now = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2 };
    this.view.pan(now.x - old.x, now.y - old.y);
    this.view.zoom(reach(c, d) / before, now.x, now.y);
  }

  #click(point, on) {
    if (!this.view.inside(point)) return;
    const { index, selected } = this.editor;
    if (this.clicks.index !== index || this.clicks.selected !== selected) this.clicks = Object.assign([], { index, selected });
    this.clicks.push([point.x, point.y, on]);
    const clicks = this.clicks;
    this.asking = (this.asking ?? Promise.resolve()).then(() => this.editor.prompt({ clicks }))
      .catch((error) => { clicks.pop(); this.failed(error); this.view.draw(); });
    this.view.draw();
  }

  #boxed() {
    const { from, to } = this.box;
    this.box = null;
    const box = [Math.min(from.x, to.x), Math.min(from.y, to.y), Math.max(from.x, to.x), Math.max(from.y, to.y)];
    if (box[2] - box[0] >= 3 && box[3] - box[1] >= 3) this.editor.prompt({ box }).catch(this.failed);
    this.view.draw();
  }

  #corner(point) {
    const first = this.points[0];
    if (first && Math.hypot(point.x - first.x, point.y - first.y) * this.view.scale < NEAR_PX) this.closePolygon();
    else this.points.push(point);
    this.view.draw();
  }

  #fill(point) {
    if (this.view.inside(point)) this.editor.draw((map, id) => flood(map, point, id));
  }

  #marks(context, px) {
    context.lineWidth = 2 * px;
    context.strokeStyle = "#fff";
    context.shadowColor = "#000";
    context.shadowBlur = 4;
    if (this.box) {
      const { from, to } = this.box;
      context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
    }
    if (this.points.length) {
      context.beginPath();
      for (const point of this.points) context.lineTo(point.x, point.y);
      if (this.hover) context.lineTo(this.hover.x, this.hover.y);
      context.stroke();
    }
    if (this.clicks.index === this.editor.index) {
      for (const [x, y, on] of this.clicks) {
        context.fillStyle = on ? "#3ad06c" : "#f04a3a";
        context.beginPath();
        context.arc(x, y, 5 * px, 0, 7);
        context.fill();
        context.stroke();
      }
    }
    if (this.hover && (this.name === "brush" || this.name === "eraser")) {
      context.beginPath();
      context.arc(this.hover.x, this.hover.y, this.radius / 2, 0, 7);
      context.stroke();
    }
  }
}
