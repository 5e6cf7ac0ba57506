// The page: what belongs together is put together here.

import { Editor } from "./editor.js";
import { Frames } from "./frames.js";
import { bindKeys } from "./keys.js";
import { jaccard } from "./labels.js";
import { identityChoices, markSelected, objectList } from "./panel.js";
import { listen, server } from "./server.js";
import { Timeline } from "./timeline.js";
import { Tools } from "./tools.js";
import { MODES, View } from "./view.js";
import { hint, isHint, progress, quality, reason } from "./words.js";

const $ = (id) => document.getElementById(id);

const project = await server.project();
const view = new View($("canvas"), project.width, project.height);
const frames = new Frames(server, project.width, project.height);
frames.withTruth = new Set(await server.truthFrames());
const editor = new Editor(server, view, frames, project);
const timeline = new Timeline($("timeline"), editor, project);
const tools = new Tools(editor, view, failed);
let playing = false, looks = [];

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function failed(error) { say(error.message, true); }

// What stands over the picture, while there is something to say.
function veil(text) {
  $("veil").hidden = !text;
  $("veil").textContent = text ?? "";
}

const tried = (action) => async (...given) => {
  try { await action(...given); } catch (error) { failed(error); }
};

function objectsChanged() {
  view.setColours(project.objects);
  if (!project.objects[editor.selected]) editor.selected = Number(Object.keys(project.objects)[0] ?? 1);
  objectList($("objects"), editor, project, objects);
  selectedChanged();
  editor.repaint();
  timeline.draw();
}

function selectedChanged() {
  markSelected($("objects"), editor.selected);
  identityChoices($("identity"), editor, project, objects.identify);
}

const objects = {
  // The list stays as it is: a click on a name or a button in it goes on.
  select(id) {
    if (id === editor.selected) return;
    editor.selected = id;
    tools.forgetMarks();
    selectedChanged();
  },
  tell: tried(async (id, fields) => {
    project.objects[id] = { ...project.objects[id], ...fields };
    await server.keepObjects(project.objects);
    objectsChanged();
  }),
  add() {
    let id = 1;
    while (project.objects[id]) id++;
    if (id > 254) { failed(new Error("there are 254 objects, the most that a mask can hold")); return; }
    const colour = project.hues[(id - 1) % project.hues.length];
    objects.tell(id, { name: `object ${id}`, colour, ended: null }).then(() => objects.select(id));
    objects.select(id);
  },
  identify: tried(async (said) => {
    await editor.saving;
    await server.identify(editor.index, said);
    await editor.refresh();
    say(project.tracks ? "Kept; Save writes it." : "Segment from here (G) carries it on.");
  }),
  forget: tried(async (id) => {
    await editor.saving;
    await server.forgetObject(id);
    await editor.refresh();
  }),
};

function runChanged(run) {
  project.run = run;
  const going = run.state === "running";
  $("run").hidden = going;
  $("cancel").hidden = !going;
  $("progress").hidden = !going;
  $("again").hidden = run.state !== "refused";
  $("run").textContent = run.state === "cancelled" ? "Go on (G)" : "Segment from here (G)";
  $("both").checked ||= run.both_ways;
  if (run.total) Object.assign($("progress"), { max: run.total, value: run.done });
  say(progress(project, run), Boolean(run.message));
}

function stepsChanged([past, future]) {
  $("undo").disabled = !past;
  $("redo").disabled = !future;
}

const heard = {
  pictures({ type, ...pictures }) {
    const waited = project.pictures.ready === 0;
    project.pictures = pictures;
    if (waited && pictures.ready) editor.show(0).catch(failed);
    veil(pictures.damage);
    moved();
  },
  begun({ after }) {
    for (const index of Object.keys(project.figures)) if (after === null || index > after) delete project.figures[index];
    frames.forgetMasksBehind(after ?? -1);
    timeline.draw();
  },
  frame({ index, objects: found }) {
    project.figures[index] = found;
    frames.forgetMask(index);
    if ($("follow").checked && !playing && !editor.before && index < project.pictures.ready && project.run.state === "running") editor.show(index).catch(failed);
    else if (index === editor.index) editor.refresh().catch(failed);
    timeline.draw();
  },
  annotation({ index, ids }) {
    if (ids.length) project.annotations[index] = ids; else delete project.annotations[index];
    if (isHint($("status").textContent)) say(hint(project));
    if (index === editor.index) editor.refresh().catch(failed); else frames.forgetMask(index);
    timeline.draw();
  },
  tracks({ figures }) {
    project.figures = timeline.figures = figures;
    looks = [];
    frames.forgetMasksBehind(-1);
    editor.refresh().catch(failed);
    timeline.draw();
  },
  objects({ objects: told, classes }) {
    Object.assign(project, { objects: told, classes });
    objectsChanged();
  },
  swaps({ swaps }) {
    project.swaps = swaps;
    timeline.draw();
  },
  steps({ steps }) {
    looks = [];
    stepsChanged(steps);
  },
  run({ type, ...run }) { runChanged(run); },
};

function moved() {
  const count = project.pictures.total ?? project.pictures.ready;
  $("where").textContent = `frame ${editor.index} of ${Math.max(count - 1, 0)}`;
  timeline.draw();
}

// J of the frame as it is shown, where there is truth.
function qualityChanged() {
  $("quality").textContent = view.truth
    ? quality(project, jaccard(editor.map.labels, view.truth), MODES[view.mode] === "Difference") : "";
}

// Everything is read anew when the connection comes back: other tabs may have drawn. What is heard
// meanwhile comes after it: it may be newer than what is read.
let heardMeanwhile = null;

function hear(message) {
  if (heardMeanwhile) heardMeanwhile.push(message);
  else heard[message.type]?.(message);
}

async function readAnew() {
  heardMeanwhile = [];
  try {
    takeAnew(await server.project());
  } finally {
    const messages = heardMeanwhile;
    heardMeanwhile = null;
    messages.forEach(hear);
  }
  if (project.pictures.ready && !editor.before && !editor.pending) await editor.show(editor.index);
}

function takeAnew(told) {
  for (const key of ["pictures", "objects", "classes", "annotations", "figures", "swaps"]) project[key] = told[key];
  timeline.figures = project.figures;
  frames.forgetMasksBehind(-1);
  veil(project.pictures.damage);
  objectsChanged();
  runChanged(told.run);
  stepsChanged(told.steps);
}

async function play() {
  playing = !playing;
  $("play").textContent = playing ? "Stop" : "Play";
  const wait = 1000 / Math.min(project.fps ?? 24, 30);
  while (playing) {
    const due = performance.now() + wait;
    await editor.show(editor.index >= editor.last ? 0 : editor.index + 1);
    await new Promise((next) => setTimeout(next, Math.max(due - performance.now(), 0)));
  }
}

const run = tried(async (overwrite = false) => {
  await editor.saving;
  say("Starting ...");
  await server.run({ overwrite, both_ways: $("both").checked });
});

const save = tried(async () => {
  if (!project.tracks) return;
  await editor.saving;
  say("Writing ...");
  const { path } = await server.save();
  say(`Saved in ${path}: masks, tracks.json and tracks.csv.`);
});

const look = tried(async () => {
  if (!looks.length) looks = await server.review();
  const next = looks.shift();
  $("reason").textContent = reason(project, next);
  if (!next) return;
  if (project.objects[next.object]) objects.select(next.object);
  await editor.show(next.index);
});

const exported = tried(async (name) => {
  say("Writing ...");
  const { path } = await server.makeExport(name);
  say(`Written: ${path}`);
  Object.assign(document.createElement("a"), { href: `api/exports/${name}`, download: "" }).click();
});

const actions = {
  undo: tried(() => { tools.forgetMarks(); return editor.undo(); }),
  redo: tried(() => { tools.forgetMarks(); return editor.redo(); }),
  play: tried(play),
  go: tried((index) => editor.show(index)),
  by: tried((step) => editor.show(editor.index + step)),
  view() {
    view.setMode((view.mode + 1) % (frames.withTruth.size ? MODES.length : MODES.length - 1));
    $("view").textContent = MODES[view.mode];
    qualityChanged();
  },
  fit: () => view.fit(),
  run: () => project.tracks ? undefined : run(false),
  save,
  cancel: tried(() => server.cancel()),
  look,
  add: objects.add,
  select(id) { if (project.objects[id]) objects.select(id); },
  tool(name) {
    tools.choose(name);
    for (const button of $("tools").children) button.setAttribute("aria-pressed", button.dataset.tool === name);
  },
  size(by) { $("brush").value = tools.radius = Math.min(Math.max(Math.round(tools.radius * by), 1), 80); view.draw(); },
  close: () => tools.closePolygon(),
  escape: () => { tools.forgetMarks(); editor.abandon(); },
  help: () => $("keys").showModal(),
};

for (const [id, action] of Object.entries({
  undo: actions.undo, redo: actions.redo, view: actions.view, fit: actions.fit, help: actions.help,
  add: actions.add, run: actions.run, cancel: actions.cancel, again: () => run(true), look, save,
  forget: tried(() => editor.forget()), first: () => actions.go(0), back: () => actions.by(-1),
  play: actions.play, next: () => actions.by(1),
})) $(id).addEventListener("click", action);
for (const button of $("tools").children) button.addEventListener("click", () => actions.tool(button.dataset.tool));
$("brush").addEventListener("input", (event) => { tools.radius = Number(event.target.value); });
$("opacity").addEventListener("input", (event) => { view.opacity = event.target.value / 100; view.draw(); });
for (const [name, title] of Object.entries(project.exports)) {
  const button = Object.assign(document.createElement("button"), { textContent: title });
  button.addEventListener("click", () => exported(name));
  $("exports").append(button);
}
editor.addEventListener("moved", moved);
editor.addEventListener("painted", qualityChanged);
editor.addEventListener("shown", () => { $("canvas").dataset.shown = editor.shown; });
editor.addEventListener("picked", (event) => actions.select(event.detail));
editor.addEventListener("failed", (event) => failed(event.detail));
bindKeys(actions, $("keys").querySelector("table"));
document.title = `${project.name} - propago studio`;
$("name").textContent = project.name;
$("out").textContent = `Everything lies in ${project.out}`;
actions.tool("click");
for (const [part, hidden] of [["tracks", !project.tracks], ["carry", project.tracks]]) $(part).hidden = hidden;
listen(hear, tried(async (gone) => {
  veil(gone ? "The connection is lost; trying again. Nothing that was drawn is lost." : project.pictures.damage);
  if (!gone) await readAnew();
  document.body.dataset.live = !gone;
}));
objectsChanged();
runChanged(project.run);
stepsChanged(project.steps);
if (project.notes.length && project.run.state === "idle") say([...project.notes, $("status").textContent].join(" "));
