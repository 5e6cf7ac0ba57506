// What the server is asked and told. Every address is relative: the token stands in the page's own.

async function ask(method, path, body, kind) {
  const headers = kind ? { "content-type": kind } : {};
  const answer = await fetch(`api/${path}`, { method, body, headers });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.message || `${path}: ${answer.status} ${answer.statusText}`);
}

const json = (method, path, value) =>
  ask(method, path, JSON.stringify(value), "application/json");

async function labelsOf(answer) {
  const drawn = answer.headers.get("x-drawn");
  return {
    labels: new Uint8Array(await answer.arrayBuffer()),
    drawn: new Set(drawn ? drawn.split(",").map(Number) : []),
  };
}

export const server = {
  project: async () => (await ask("GET", "project")).json(),
  picture: async (index) => createImageBitmap(await (await ask("GET", `pictures/${index}`)).blob()),
  masks: async (index) => labelsOf(await ask("GET", `masks/${index}`)),
  truthFrames: async () => (await ask("GET", "truth")).json(),
  truth: async (index) => (await labelsOf(await ask("GET", `truth/${index}`))).labels,
  keep: (index, said) => ask("PUT", `annotations/${index}`, said, "application/octet-stream"),
  prompt: async (index, prompt) => labelsOf(await json("POST", `prompts/${index}`, prompt)),
  keepObjects: (objects) => json("PUT", "objects", objects),
  forgetObject: (id) => ask("DELETE", `objects/${id}`),
  identify: (index, said) => json("POST", `identities/${index}`, said),
  undo: async () => (await ask("POST", "undo")).json(),
  redo: async () => (await ask("POST", "redo")).json(),
  run: (order) => json("POST", "run", order),
  save: async () => (await ask("POST", "save")).json(),
  cancel: () => ask("DELETE", "run"),
  review: async () => (await ask("GET", "review")).json(),
  makeExport: async (name) => (await ask("POST", `exports/${name}`)).json(),
};

// Calls `heard` with every message, and `lost` with true and false as the connection goes and comes.
export function listen(heard, lost) {
  const address = new URL("api/events", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let wait = 500;
  const open = () => {
    const socket = new WebSocket(address);
    socket.onopen = () => { wait = 500; lost(false); };
    socket.onmessage = (event) => heard(JSON.parse(event.data));
    socket.onclose = () => {
      lost(true);
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 8000);
    };
  };
  open();
}
