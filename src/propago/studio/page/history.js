// What was drawn, to be undone and done again; the oldest goes where memory is bounded.

const MOST_BYTES = 64e6;

export class History {
  constructor() { this.clear(); }

  clear() { this.past = []; this.future = []; }

  // A change: {index, patch, drawnBefore, drawnAfter}.
  add(change) {
    this.past.push(change);
    this.future = [];
    let bytes = 0;
    for (let i = this.past.length - 1; i >= 0; i--) {
      bytes += 2 * this.past[i].patch.before.length;
      if (bytes > MOST_BYTES) { this.past.splice(0, i + 1); break; }
    }
  }

  // Objects whose masks are gone cannot come back by an undo.
  dropObject(id) {
    const keeps = (change) => !change.drawnBefore.has(id) && !change.drawnAfter.has(id);
    this.past = this.past.filter(keeps);
    this.future = this.future.filter(keeps);
  }

  undo() { return this.#move(this.past, this.future, (c) => ({ index: c.index, first: c.patch.first, values: c.patch.before, drawn: c.drawnBefore })); }

  redo() { return this.#move(this.future, this.past, (c) => ({ index: c.index, first: c.patch.first, values: c.patch.after, drawn: c.drawnAfter })); }

  #move(from, to, told) {
    const change = from.pop();
    if (!change) return null;
    to.push(change);
    return told(change);
  }
}
