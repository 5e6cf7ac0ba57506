// The frame at hand and its masks: shows a frame, changes it, keeps every change on the server.

import { differ, saidOf, union } from "./labels.js";

export class Editor extends EventTarget {
  constructor(server, view, frames, project) {
    super();
    Object.assign(this, { server, view, frames, project });
    this.index = 0;
    this.selected = Math.min(...Object.keys(project.objects).map(Number), 1);
    this.map = { ...view.size, labels: new Uint8Array(view.size.width * view.size.height) };
    this.drawn = new Set();
    this.version = this.readings = 0;
    this.saving = Promise.resolve();
    this.moving = Promise.resolve();
    this.pending = this.waiting = 0;
    this.shown = -1;
  }

  get last() { return Math.max(this.project.pictures.ready - 1, 0); }

  // Shows a frame; of several asked for in a hurry the last one counts.
  // While something is being drawn the frame stays.
  async show(index) {
    if (this.before) return;
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

  // Says which object is shown at a point, if any.
  pick(point) {
    const id = this.view.inside(point) ? this.map.labels[Math.floor(point.y) * this.map.width + Math.floor(point.x)] : 0;
    if (id) this.dispatchEvent(new CustomEvent("picked", { detail: id }));
  }

  // Reads the masks of the frame anew, unless something is being drawn on it.
  async refresh() {
    if (this.before || this.pending) return;
    this.frames.forgetMask(this.index);
    const version = this.version, index = this.index, reading = ++this.readings;
    const mask = await this.frames.mask(index);
    if (version === this.version && reading === this.readings && !this.before && !this.pending) this.#take(mask);
  }

  repaint(box) {
    this.view.setLabels(this.map.labels, box);
    this.view.draw();
    this.#tell("painted");
  }

  // A change begins: `finish` keeps it, whatever `change` calls did in between.
  begin() {
    if (this.before || this.waiting || this.shown !== this.index) return false;
    this.before = this.map.labels.slice();
    this.changed = null;
    return true;
  }

  change(how) {
    if (!this.before) return;
    const box = how(this.map);
    if (box) { this.changed = union(this.changed, box); this.repaint(box); }
  }

  // What is asked of a box or clicks comes first: it may be on the server already.
  finish(ids) {
    if (this.asking) { this.asking.catch(() => {}).then(() => this.finish(ids)); return; }
    const { before } = this;
    this.before = null;
    if (!before || !differ(before, this.map.labels)) return;
    for (const id of ids) this.drawn.add(id);
    this.frames.forgetMask(this.index);
    this.#put(this.index, saidOf(this.map.labels, this.drawn));
  }

  // A change of one go; it waits for an undo that is on its way.
  async draw(how) {
    const { version } = this;
    await this.moving;
    if (version !== this.version || !this.begin()) return;
    this.change((map) => how(map, this.selected));
    this.finish([this.selected]);
  }

  abandon() {
    if (!this.before) return;
    this.map.labels.set(this.before);
    this.before = null;
    this.repaint();
  }

  // A box or clicks become a mask of the selected object.
  prompt(prompt) {
    const asking = this.#prompted(prompt, this.asking).finally(() => { if (this.asking === asking) this.asking = null; });
    this.asking = asking;
    return asking;
  }

  async #prompted(prompt, earlier) {
    const index = this.index, version = this.version;
    if (this.shown !== index) return;
    await earlier?.catch(() => {});
    await this.moving;
    await this.saving;
    const found = await this.server.prompt(index, { object: this.selected, ...prompt });
    this.frames.forgetMask(index);
    if (version === this.version) this.#take(found);
  }

  undo() { return this.#step(this.server.undo); }

  redo() { return this.#step(this.server.redo); }

  // The server has all steps; the page goes to the frame whose masks they change.
  #step(ask) {
    this.waiting++;
    const step = this.moving.then(async () => {
      this.abandon();
      await this.saving;
      const { index } = await ask();
      if (index === null || index === this.index) await this.refresh();
      else { this.frames.forgetMask(index); await this.show(index); }
    }).finally(() => { this.waiting--; });
    this.moving = step.catch(() => {});
    return step;
  }

  // What is drawn on this frame is taken back: the run's masks show again.
  async forget() {
    if (!this.drawn.size || this.before || this.shown !== this.index) return;
    await this.#put(this.index, new Uint8Array(this.map.labels.length));
    await this.refresh();
  }

  // What is being drawn stays on top of it.
  #take({ labels, drawn }) {
    const taken = labels.slice(), { before, map } = this;
    if (before) {
      for (let at = 0; at < taken.length; at++) if (map.labels[at] !== before[at]) taken[at] = map.labels[at];
      this.before = labels.slice();
    }
    map.labels = taken;
    this.drawn = new Set(drawn);
    this.repaint();
  }

  #put(index, said) {
    this.pending++;
    this.readings++;
    this.saving = this.saving.then(() => this.server.keep(index, said))
      .catch((error) => this.dispatchEvent(new CustomEvent("failed", { detail: error })))
      .finally(() => { this.pending--; this.frames.forgetMask(index); });
    return this.saving;
  }

  #tell(what) { this.dispatchEvent(new Event(what)); }
}
