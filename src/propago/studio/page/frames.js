// Pictures and masks of frames near the one shown, fetched once; memory is bounded.

const MOST_BYTES = 160e6;

export class Frames {
  constructor(server, width, height) {
    this.server = server;
    this.most = Math.max(4, Math.min(120, Math.floor(MOST_BYTES / (6 * width * height))));
    this.pictures = new Map();
    this.masks = new Map();
    this.truths = new Map();
    this.withTruth = new Set();
  }

  picture(index) { return this.#of(this.pictures, index, () => this.server.picture(index)); }

  mask(index) { return this.#of(this.masks, index, () => this.server.masks(index)); }

  // The true labels of a frame, null where there are none.
  async truth(index) { return this.withTruth.has(index) ? this.#of(this.truths, index, () => this.server.truth(index)) : null; }

  forgetMask(index) { this.masks.delete(index); }

  forgetMasksBehind(index) {
    for (const known of [...this.masks.keys()]) if (known > index) this.masks.delete(known);
  }

  ahead(index, ready) {
    const end = Math.min(index + Math.min(10, this.most >> 1), ready);
    for (let i = index + 1; i < end; i++) {
      this.picture(i).catch(() => {});
      this.mask(i).catch(() => {});
    }
  }

  #of(cache, index, fetched) {
    const known = cache.get(index);
    const promise = known ?? fetched();
    cache.delete(index);
    cache.set(index, promise);
    if (!known) {
      promise.catch(() => cache.get(index) === promise && cache.delete(index));
      while (cache.size > this.most) {
        const [oldest, dropped] = cache.entries().next().value;
        cache.delete(oldest);
        dropped.then((value) => setTimeout(() => value.close?.(), 5000)).catch(() => {});
      }
    }
    return promise;
  }
}
