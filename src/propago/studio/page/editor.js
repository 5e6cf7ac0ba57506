// The frame at hand and its masks: shows a frame, changes it, keeps every change on the server.

import { difference, saidOf, union } from "./labels.js";
import { History } from "./history.js";

export class Editor extends EventTarget {
  constructor(server, view, frames, project) {
    super();
    Object.assign(this, { server, view, frames, project });
    this.index = 0;
    this.selected = Math.min(...Object.keys(project.objects).map(Number), 1);
    this.map = { ...view.size, labels: new Uint8Array(view.size.width * view.size.height) };
    this.drawn = new Set();
    this.history = new History();
    this.version = 0;
    this.saving = Promise.resolve();
    this.pending = 0;
    this.shown = -1;
  }

  get last() { return Math.max(this.project.pictures.ready - 1, 0); }

  // Shows a frame; of several asked for in a hurry the last one counts.
  async show(index) {
    index = Math.min(Math.max(index, 0), this.last);
    this.index = index;
    this.#tell("moved");
    const version = ++this.version;
    const [picture, mask, truth] = await Promise.all([this.frames.picture(index), this.frames.mask(index), this.frames.truth(index)]);
    if (version !== this.version) return;
    this.view.picture = picture;
    this.view.truth = truth;
    this.#take(mask);
    this.shown = index;
    this.frames.ahead(index, this.project.pictures.ready);
    this.#tell("shown");
  }

  // Reads the masks of the frame anew, unless something is being drawn on it.
  async refresh() {
    if (this.before || this.pending) return;
    this.frames.forgetMask(this.index);
    const version = this.version, index = this.index;
    const mask = await this.frames.mask(index);
    if (version === this.version && !this.before && !this.pending) this.#take(mask);
  }

  repaint(box) {
    this.view.setLabels(this.map.labels, box);
    this.view.draw();
    this.#tell("painted");
  }

  // A change begins: `finish` keeps it, whatever `change` calls did in between.
  begin() {
    if (this.before || this.shown !== this.index) return false;
    this.before = this.map.labels.slice();
    this.drawnBefore = new Set(this.drawn);
    this.changed = null;
    return true;
  }

  change(how) {
    if (!this.before) return;
    const box = how(this.map);
    if (box) { this.changed = union(this.changed, box); this.repaint(box); }
  }

  finish(ids) {
    const { before, drawnBefore } = this;
    this.before = null;
    if (!before) return;
    const patch = difference(this.map.width, before, this.map.labels);
    if (!patch) return;
    for (const id of ids) this.drawn.add(id);
    this.#remember(patch, drawnBefore);
    this.#keep();
  }

  abandon() {
    if (!this.before) return;
    this.map.labels.set(this.before);
    this.before = null;
    this.repaint();
  }

  // A box or clicks become a mask of the selected object.
  async prompt(prompt) {
    const index = this.index, version = this.version;
    if (this.shown !== index) return;
    await this.saving;
    const before = this.map.labels.slice(), drawnBefore = new Set(this.drawn);
    const found = await this.server.prompt(index, { object: this.selected, ...prompt });
    this.frames.forgetMask(index);
    const patch = difference(this.map.width, before, found.labels);
    if (patch) this.history.add({ index, patch, drawnBefore, drawnAfter: found.drawn });
    if (version === this.version) this.#take(found);
    this.#tell("history");
  }

  async step(change) {
    if (!change || this.before) return;
    if (change.index !== this.index || this.shown !== this.index) await this.show(change.index);
    this.map.labels.set(change.values, change.first);
    this.drawn = new Set(change.drawn);
    this.repaint();
    this.#keep();
    this.#tell("history");
  }

  undo() { return this.step(this.history.undo()); }

  redo() { return this.step(this.history.redo()); }

  // What is drawn on this frame is taken back: the run's masks show again.
  async forget() {
    if (!this.drawn.size || this.before || this.shown !== this.index) return;
    const { index, version, drawn: drawnBefore } = this, shown = this.map.labels.slice();
    await this.#put(index, new Uint8Array(shown.length));
    const mask = await this.frames.mask(index);
    const patch = difference(this.map.width, shown, mask.labels);
    if (patch) this.history.add({ index, patch, drawnBefore, drawnAfter: new Set() });
    if (version === this.version) this.#take(mask);
    this.#tell("history");
  }

  #take({ labels, drawn }) {
    this.map.labels = labels.slice();
    this.drawn = new Set(drawn);
    this.repaint();
  }

  #remember(patch, drawnBefore) {
    this.history.add({ index: this.index, patch, drawnBefore, drawnAfter: new Set(this.drawn) });
    this.#tell("history");
  }

  #keep() {
    this.frames.forgetMask(this.index);
    return this.#put(this.index, saidOf(this.map.labels, this.drawn));
  }

  #put(index, said) {
    this.pending++;
    this.saving = this.saving.then(() => this.server.keep(index, said))
      .catch((error) => this.dispatchEvent(new CustomEvent("failed", { detail: error })))
      .finally(() => { this.pending--; this.frames.forgetMask(index); });
    return this.saving;
  }

  #tell(what) { this.dispatchEvent(new Event(what)); }
}
