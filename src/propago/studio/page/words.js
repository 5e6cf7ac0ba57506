// What the page says in words.

const REASONS = {
  lost: "is lost", swap: "may have changed places with", jump: "jumps in area",
  unlike: "looks unlike what you drew", unsure: "is least certain",
};

const FIRST = {
  tracks: "Rename, join, part or delete tracks; then save.",
  nothing: "Click an object, drag a box around it (X) or paint it (B). All keys: ?",
  drawn: "Another object: N. Then segment from here (G): they are followed through the video.",
};

// What to do, before anything was carried.
export function hint(project) {
  return FIRST[project.tracks ? "tracks" : Object.keys(project.annotations).length ? "drawn" : "nothing"];
}

export const isHint = (text) => Object.values(FIRST).includes(text);

// What the server says of objects by their ids, with their names.
export function named(project, text) {
  return text.replace(/\bobject (\d+)\b/g, (whole, id) => project.objects[id]?.name ?? whole);
}

export function reason(project, look) {
  if (!look) return "nothing more stands out";
  const name = (id) => project.objects[id]?.name ?? id;
  return [name(look.object), REASONS[look.reason], ...(look.other ? [name(look.other)] : [])].join(" ");
}

// Why a run cannot go on, without the advice for a command line.
const refusal = (message) => message.replace(/^`resume`: /, "").replace(/; (repeat its command|give it the source).*$/s, "");

// How a run stands.
export function progress(project, run) {
  const at = run.total ? `${run.done} of ${run.total} frames` : `${run.done} frames`;
  if (run.state === "running") {
    const tuning = run.what.startsWith("fine-tuning ") ? run.what : "";
    return run.done ? `${at}${tuning && ", "}${tuning}` : tuning || "Starting ...";
  }
  if (run.state === "done") return named(project, `Done. ${run.notes.join(" ")}`);
  if (run.state === "cancelled") return `Paused at ${at}.`;
  if (run.state === "refused") return `${refusal(run.message)}. What you drew stays; what was found has to be found anew.`;
  return run.message ? named(project, run.message) : hint(project);
}

// J of the objects of a frame, by id.
export function quality(project, found, legend) {
  const all = Object.values(found);
  if (!all.length) return "";
  const each = Object.entries(found).map(([id, j]) => `${project.objects[id]?.name ?? id} ${j.toFixed(3)}`);
  const mean = (all.reduce((a, b) => a + b) / all.length).toFixed(3);
  return `J ${mean}: ${each.join(", ")}${legend ? " (blue: missed, orange: too much, yellow: another object)" : ""}`;
}
