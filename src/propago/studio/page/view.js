// The frame with its masks on a canvas: zoom, pan, colours. Points are in pixels of the frame.

export const MODES = ["Overlay", "Masks", "Picture", "Side by side", "Difference"];

const [MASKS, PICTURE, BESIDE, DIFFERENCE] = [1, 2, 3, 4];

// What is missed, too much, and of another object, as 0xAABBGGRR.
const MISSED = 0xffff9e4a, EXTRA = 0xff2a7cff, OTHER = 0xff4ae1ff, VOID = 255;

// Of a true object that nobody has drawn.
const UNKNOWN = 0xffffffff;

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
    this.picture = this.truth = null;
    this.scale = 1;
    this.x = this.y = 0;
    this.marks = () => {};
    new ResizeObserver(() => { this.#laidOut(); this.draw(); }).observe(canvas);
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
    this.labels = labels;
    this.paint.putImageData(this.pixels, 0, 0, box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
  }

  setMode(mode) {
    this.mode = mode;
    if (this.fitted) this.fit();
    this.draw();
  }

  // How wide a panel is: side by side there are two.
  get room() { return this.mode === BESIDE ? this.canvas.clientWidth / 2 : this.canvas.clientWidth; }

  #local(clientX, clientY) {
    this.#laidOut();
    const place = this.canvas.getBoundingClientRect(), x = clientX - place.left;
    return { x: x >= this.room ? x - this.room : x, y: clientY - place.top };
  }

  point(event) {
    const { x, y } = this.#local(event.clientX, event.clientY);
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  inside(point) { return point.x >= 0 && point.y >= 0 && point.x < this.size.width && point.y < this.size.height; }

  fit() {
    const { clientHeight } = this.canvas, { width, height } = this.size;
    this.scale = Math.min(this.room / width, clientHeight / height) || 1;
    this.x = (this.room - width * this.scale) / 2;
    this.y = (clientHeight - height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  zoom(factor, clientX, clientY) {
    const { x, y } = this.#local(clientX, clientY);
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
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.mode === BESIDE) {
      this.#panel(0, true, this.truth && this.#coloured((true_) => true_ === VOID ? 0 : true_ && (this.colours[true_] || UNKNOWN)));
      this.#panel(this.room, true, this.masks);
    } else if (this.mode === DIFFERENCE && this.truth) {
      this.#panel(0, true, this.#coloured((true_, found) => true_ === found || true_ === VOID ? 0 : !found ? MISSED : !true_ ? EXTRA : OTHER), 1);
    } else {
      this.#panel(0, this.mode !== MASKS, this.mode === PICTURE ? null : this.masks, this.mode === MASKS ? 1 : this.opacity);
    }
  }

  // The frame with `layer` over it, `left` CSS pixels from the left of the canvas.
  #panel(left, pictured, layer, opacity = this.opacity) {
    const { context, canvas, size } = this, ratio = devicePixelRatio || 1;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(left, 0, this.room, canvas.clientHeight);
    context.clip();
    context.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * (left + this.x), ratio * this.y);
    context.imageSmoothingEnabled = this.scale * ratio < 2;
    if (this.picture?.width && pictured) context.drawImage(this.picture, 0, 0);
    else { context.fillStyle = "#000"; context.fillRect(0, 0, size.width, size.height); }
    if (layer) {
      context.globalAlpha = opacity;
      context.drawImage(layer, 0, 0);
      context.globalAlpha = 1;
    }
    this.marks(context, 1 / this.scale);
    context.restore();
  }

  // A layer of the colour that `colourOf` (true label, found label) says of each pixel.
  #coloured(colourOf) {
    const { width, height } = this.size;
    this.second ??= new OffscreenCanvas(width, height);
    const paint = this.second.getContext("2d"), pixels = paint.createImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let at = 0; at < words.length; at++) words[at] = colourOf(this.truth[at], this.labels[at]);
    paint.putImageData(pixels, 0, 0);
    return this.second;
  }

  // The canvas may have got another size that no observer has told yet: a line of words wraps, and the pointer is faster.
  #laidOut() {
    const { width, height } = this.laid, { clientWidth, clientHeight } = this.canvas;
    if (width === clientWidth && height === clientHeight && this.laid.ratio === devicePixelRatio) return;
    this.#resize();
    if (this.fitted) this.fit();
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.laid = { width: this.canvas.clientWidth, height: this.canvas.clientHeight, ratio: devicePixelRatio };
    this.canvas.width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1);
    this.canvas.height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
  }
}
