// The frame with its masks on a canvas: zoom, pan, colours. Points are in pixels of the frame.

export const MODES = ["Overlay", "Masks", "Picture"];

export class View {
  constructor(canvas, width, height) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.size = { width, height };
    this.masks = new OffscreenCanvas(width, height);
    this.paint = this.masks.getContext("2d");
    this.pixels = this.paint.createImageData(width, height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.colours = new Uint32Array(256);
    this.mode = 0;
    this.opacity = 0.55;
    this.picture = null;
    this.scale = 1;
    this.x = this.y = 0;
    this.marks = () => {};
    new ResizeObserver(() => { const fitted = this.fitted; this.#resize(); if (fitted) this.fit(); this.draw(); }).observe(canvas);
    this.#resize();
    this.fit();
  }

  setColours(objects) {
    this.colours.fill(0);
    for (const [id, { colour }] of Object.entries(objects)) {
      const rgb = parseInt(colour.slice(1), 16);
      this.colours[id] = 0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16);
    }
  }

  setLabels(labels, box = { x0: 0, y0: 0, x1: this.size.width, y1: this.size.height }) {
    const { width } = this.size;
    for (let y = box.y0; y < box.y1; y++) {
      for (let at = y * width + box.x0, end = y * width + box.x1; at < end; at++) this.words[at] = this.colours[labels[at]];
    }
    this.paint.putImageData(this.pixels, 0, 0, box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
  }

  point(event) {
    const place = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - place.left - this.x) / this.scale, y: (event.clientY - place.top - this.y) / this.scale };
  }

  inside(point) { return point.x >= 0 && point.y >= 0 && point.x < this.size.width && point.y < this.size.height; }

  fit() {
    const { clientWidth, clientHeight } = this.canvas, { width, height } = this.size;
    this.scale = Math.min(clientWidth / width, clientHeight / height) || 1;
    this.x = (clientWidth - width * this.scale) / 2;
    this.y = (clientHeight - height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  zoom(factor, clientX, clientY) {
    const place = this.canvas.getBoundingClientRect();
    const x = clientX - place.left, y = clientY - place.top;
    const scale = Math.min(Math.max(this.scale * factor, 0.05), 40);
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.#drawNow(); });
  }

  #drawNow() {
    const { context, canvas, size } = this, ratio = devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * this.x, ratio * this.y);
    context.imageSmoothingEnabled = this.scale * ratio < 2;
    if (this.picture?.width && this.mode !== 1) context.drawImage(this.picture, 0, 0);
    else { context.fillStyle = "#000"; context.fillRect(0, 0, size.width, size.height); }
    if (this.mode !== 2) {
      context.globalAlpha = this.mode === 1 ? 1 : this.opacity;
      context.drawImage(this.masks, 0, 0);
      context.globalAlpha = 1;
    }
    this.marks(context, 1 / this.scale);
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1);
    this.canvas.height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
  }
}
