// The list of objects: choose, name, colour, end, delete; and who the chosen one is.

export function objectList(list, editor, project, act) {
  const row = (id) => {
    const said = project.objects[id], item = document.createElement("li");
    const make = (tag, fields) => item.appendChild(Object.assign(document.createElement(tag), fields));
    item.dataset.id = id;
    item.addEventListener("pointerdown", () => act.select(id));
    make("input", { type: "color", value: said.colour, title: "Colour" })
      .addEventListener("change", (event) => act.tell(id, { colour: event.target.value }));
    make("input", { type: "text", value: said.name, maxLength: 60, title: "Name", ariaLabel: `Name of object ${id}` })
      .addEventListener("change", (event) => act.tell(id, { name: event.target.value.trim() || `object ${id}` }));
    if (project.tracks) {
      const kind = make("input", { type: "text", className: "kind", value: project.classes[id] ?? "", maxLength: 60, title: "Class", ariaLabel: `Class of object ${id}` });
      kind.setAttribute("list", "classes");
      kind.addEventListener("change", () => act.tell(id, { class_name: kind.value.trim() || null }));
    }
    const ends = make("button", { textContent: said.ended === null ? "Ends" : `Ends ${said.ended}`, title: "It is gone from this frame on; again: it is not" });
    ends.hidden = Boolean(project.tracks);
    ends.classList.toggle("on", said.ended !== null);
    ends.addEventListener("click", () => act.tell(id, { ended: said.ended === null ? editor.index : null }));
    make("button", { textContent: "x", title: "Delete the object and what is drawn of it", ariaLabel: `Delete object ${id}` })
      .addEventListener("click", () => act.forget(id));
    return item;
  };
  if (list.contains(document.activeElement) && document.activeElement.type === "text") {
    markSelected(list, editor.selected);
    return;
  }
  list.replaceChildren(...Object.keys(project.objects).map(Number).map(row));
  markSelected(list, editor.selected);
  document.getElementById("classes").replaceChildren(...new Set(Object.values(project.classes)).values().map((name) => new Option(name)));
}

export function markSelected(list, id) {
  for (const item of list.children) {
    const selected = Number(item.dataset.id) === id, top = item.offsetTop - list.offsetTop;
    item.classList.toggle("selected", selected);
    if (selected && (top < list.scrollTop || top + item.offsetHeight > list.scrollTop + list.clientHeight)) list.scrollTop = top - list.clientHeight / 2;
  }
}

// What can be said of who the chosen object is; `say` hears {what, object, other}.
export function identityChoices(select, editor, project, say) {
  const chosen = project.objects[editor.selected];
  const choices = [["", `${chosen ? chosen.name : "The object"} is ...`]];
  if (chosen) {
    choices.push([JSON.stringify({ what: "split" }), "another one from this frame on"]);
    for (const [id, { name }] of Object.entries(project.objects)) {
      if (Number(id) === editor.selected) continue;
      choices.push([JSON.stringify({ what: "swap", other: Number(id) }), `swapped with ${name} from this frame on`]);
      choices.push([JSON.stringify({ what: "merge", other: Number(id) }), `the same as ${name}`]);
    }
  }
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
  select.onchange = () => {
    if (select.value) say({ ...JSON.parse(select.value), object: editor.selected });
    select.value = "";
  };
}
