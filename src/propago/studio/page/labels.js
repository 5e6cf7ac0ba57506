// Pure functions on label maps: {width, height, labels: Uint8Array}. Each returns the box of what
// it changed, {x0, y0, x1, y1} with exclusive end, or null.

export const union = (a, b) => !a ? b : !b ? a : {
  x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0),
  x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1),
};

// A round brush drawn from one point to another. `only` limits what may be overwritten.
export function stroke(map, from, to, radius, id, only = null) {
  const { width, height, labels } = map;
  const box = {
    x0: Math.max(Math.floor(Math.min(from.x, to.x) - radius), 0),
    y0: Math.max(Math.floor(Math.min(from.y, to.y) - radius), 0),
    x1: Math.min(Math.ceil(Math.max(from.x, to.x) + radius) + 1, width),
    y1: Math.min(Math.ceil(Math.max(from.y, to.y) + radius) + 1, height),
  };
  const dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) {
      const px = x + 0.5 - from.x, py = y + 0.5 - from.y;
      const t = length ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
      const ex = px - t * dx, ey = py - t * dy;
      const at = y * width + x;
      if (ex * ex + ey * ey <= radius * radius && (only === null || labels[at] === only)) labels[at] = id;
    }
  }
  return box.x1 > box.x0 && box.y1 > box.y0 ? box : null;
}

// The inside of a polygon of points, by the even-odd rule at the middles of pixels.
export function polygon(map, points, id) {
  const { width, height, labels } = map;
  const ys = points.map((p) => p.y);
  const y0 = Math.max(Math.floor(Math.min(...ys)), 0), y1 = Math.min(Math.ceil(Math.max(...ys)), height);
  for (let y = y0; y < y1; y++) {
    const crossings = [];
    points.forEach((a, i) => {
      const b = points[(i + 1) % points.length], middle = y + 0.5;
      if ((a.y <= middle) !== (b.y <= middle)) crossings.push(a.x + (middle - a.y) / (b.y - a.y) * (b.x - a.x));
    });
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(Math.ceil(crossings[k] - 0.5), 0);
      const to = Math.min(Math.ceil(crossings[k + 1] - 0.5), width);
      if (to > from) labels.fill(id, y * width + from, y * width + to);
    }
  }
  return y1 > y0 ? { x0: 0, y0, x1: width, y1 } : null;
}

// The connected area of one label around a point.
export function flood(map, point, id) {
  const { width, height, labels } = map;
  const start = Math.floor(point.y) * width + Math.floor(point.x), was = labels[start];
  if (was === id) return null;
  const waiting = [start];
  labels[start] = id;
  while (waiting.length) {
    const at = waiting.pop(), x = at % width;
    for (const [next, there] of [[at - 1, x > 0], [at + 1, x + 1 < width], [at - width, at >= width], [at + width, at + width < width * height]]) {
      if (there && labels[next] === was) { labels[next] = id; waiting.push(next); }
    }
  }
  return { x0: 0, y0: 0, x1: width, y1: height };
}

export function differ(one, other) {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return true;
  return false;
}

// Where a person said something: the drawn objects alone, 0 elsewhere.
export function saidOf(labels, drawn) {
  const known = new Uint8Array(256);
  for (const id of drawn) known[id] = id;
  return labels.map((id) => known[id]);
}

const VOID = 255;

// J of each object of a frame, by id: intersection over union without void pixels; what is only in
// one of both maps has 0.
export function jaccard(labels, truth) {
  const shared = new Uint32Array(256), either = new Uint32Array(256);
  for (let at = 0; at < truth.length; at++) {
    const true_ = truth[at], found = labels[at];
    if (true_ === VOID) continue;
    either[true_]++;
    if (true_ === found) shared[true_]++; else either[found]++;
  }
  const found = {};
  for (let id = 1; id < VOID; id++) if (either[id]) found[id] = shared[id] / either[id];
  return found;
}
