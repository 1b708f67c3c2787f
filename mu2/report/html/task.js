// Everything of one task: where it comes from, its settings, its children, why one was kept.

const ACTIONS = { s: "share", c: "clone", r: "resample", n: "new", f: "solve" };

function taskSection(system) {
  const section = html("section", { id: "task", "aria-live": "off" });
  const draw = () => {
    const name = state.task;
    if (name === null || !system.taskNumbers.has(name)) {
      section.replaceChildren(html("h2", {}, "One task"),
        html("p", { class: "quiet" }, "Choose a task in the graph, in the table or above."));
      return;
    }
    section.replaceChildren(...taskParts(system, system.tasks[system.taskNumbers.get(name)]));
  };
  follow((change) => {
    if (!section.isConnected) return;
    if ("task" in change) draw();
    else if ("child" in change) showChild(system, section.querySelector("#child"));
  });
  draw();
  return section;
}

function taskParts(system, task) {
  const children = childrenOf(system, task.name);
  const path = task.path === null ? null : system.paths[system.pathNumbers.get(task.path)];
  const head = [
    html("h2", {}, html("i", { class: "dot", style: `background:${colourOf(system, task.name)}` }), ` Task ${task.name}`,
      task.private ? html("span", { class: "tag", style: "margin-left:.5rem" }, "private") : []),
  ];
  if (!path) {
    return [...head, html("p", {}, "It has no path yet: its first iteration is not finished."),
      childCharts(system, task, children), childTable(system, task, children), html("div", { id: "child" })];
  }
  const seconds = sum(children, unpack(system.children.seconds)), flops = sum(children, unpack(system.children.flops));
  const cards = [
    ["test accuracy", say(path.test, "percent")], ["validation accuracy", say(path.quality, "percent")],
    ["layers reused", `${task.reused} of ${path.components.length}`], ["parameters added", say(task.added, "count")],
    ["parameters of the path", say(task.parameters, "count")], ["share of the system", say(task.share, "percent")],
    ["children", String(children.length)], ["time", say(seconds, "seconds")], ["operations", say(flops, "flops")],
    ["classes", String(task.classes.length)],
  ];
  const split = html("div", { class: "pair" }, lineagePart(system, task), hyperparameterPart(system, task, path));
  return [...head,
    html("p", {}, storyOf(system, task, path), gapOf(path) ? html("b", { class: "dropped" },
      ` Its test accuracy is ${inPercent(path.quality - path.test)} points below validation.`) : []),
    html("div", { class: "cards" }, cards.map(tile)),
    childCharts(system, task, children), html("div", { id: "child" }), childTable(system, task, children),
    split, predictionPart(system, task)];
}

const sum = (indices, column) => {
  let total = 0, any = false;
  for (const index of indices) if (known(column[index])) { total += column[index]; any = true; }
  return any ? total : null;
};

// `digits ← latin ← root`, and whose layers it uses as they are.
function storyOf(system, task, path) {
  const tasks = [task.name];
  for (const step of lineageOf(system, path.id)) {
    const from = step.task ?? "root";
    if (tasks[tasks.length - 1] !== from) tasks.push(from);
  }
  const by = new Map();
  for (const component of path.components) {
    const owner = system.components.ownerOf(component);
    if (owner === task.name) continue;
    const key = owner ?? "root";
    by.set(key, [...(by.get(key) || []), system.components.names[component]]);
  }
  const uses = [...by].map(([owner, names]) => `${names.join(", ")} of ${owner}`).join("; ");
  return `${tasks.join(" ← ")}. ${uses ? `It uses ${uses}.` : "All its layers are its own."}`;
}

// A path and its ancestors, nearest first: id, task, child's index or null.
function lineageOf(system, id) {
  const found = [], met = new Set();
  let here = id;
  while (here && !met.has(here)) {
    met.add(here);
    const child = childOfPath(system, here);
    if (child !== undefined) {
      found.push({ id: here, task: childTask(system, child), child });
      here = parentOf(system, child);
    } else {
      const number = system.pathNumbers.get(here);
      const path = number === undefined ? null : system.paths[number];
      found.push({ id: here, task: path ? path.task : here, child: null });
      here = path ? path.parent : null;
    }
  }
  return found;
}

function parentOf(system, child) {
  const parent = unpack(system.children.parent)[child];
  return parent >= 0 ? childPath(system, parent) : choice(system.children.outside, child);
}

function hyperparametersOf(system, id) {
  const child = childOfPath(system, id);
  if (child === undefined) {
    const number = system.pathNumbers.get(id);
    return number === undefined ? {} : system.paths[number].hyperparameters || {};
  }
  return Object.fromEntries(Object.entries(system.children.hyperparameters)
    .map(([name, column]) => [name, choice(column, child)]).filter(([, value]) => value !== null));
}

const spell = (value) => (typeof value === "number" ? say(value, "number") : String(value));

// What was mutated from a parent to its child, each named.
function mutationsOf(system, child) {
  const c = system.children, tags = [];
  const before = hyperparametersOf(system, parentOf(system, child));
  const after = hyperparametersOf(system, childPath(system, child));
  for (const [name, value] of Object.entries(after)) {
    if (name in before && before[name] !== value) {
      tags.push(html("span", { class: "tag" }, `${name} ${spell(before[name])} → ${spell(value)}`));
    }
  }
  const letters = choice(c.actions, child);
  for (const [letter, action] of Object.entries(ACTIONS)) {
    if (letter === "s") continue;
    const names = c.slots.filter((_, slot) => letters[slot] === letter);
    if (names.length) tags.push(html("span", { class: `tag ${action}` }, `${action}: ${names.join(", ")}`));
  }
  const shared = c.slots.filter((_, slot) => letters[slot] === "s");
  if (shared.length) tags.push(html("span", { class: "tag" }, `share: ${shared.join(", ")}`));
  return tags;
}

function lineagePart(system, task) {
  const steps = lineageOf(system, task.path), c = system.children;
  const items = steps.map((step, place) => {
    const colour = colourOf(system, step.task);
    if (step.child === null) {
      return html("li", { style: `--dot:${colour}` }, html("b", {}, step.id),
        step.task === null ? html("div", { class: "quiet" }, "the root") : html("div", { class: "quiet" }, "not in the log"));
    }
    return html("li", { style: `--dot:${colour}` },
      html("b", {}, step.id), ` ${say(unpack(c.quality)[step.child], "percent")}`,
      place === 0 ? html("span", { class: "kept" }, " the path it keeps") : [],
      html("div", {}, mutationsOf(system, step.child)));
  });
  return html("figure", { id: "lineage" },
    html("h3", {}, "Lineage"),
    html("figcaption", {}, "From its path back to the root: each ancestor's validation accuracy, and what was mutated " +
      "from the one below it."),
    html("div", { class: "scroll", style: "max-height:440px;padding:.4rem 1rem", tabindex: 0 }, html("ol", { class: "lineage" }, items)));
}

function hyperparameterPart(system, task, path) {
  const own = hyperparametersOf(system, path.id), steps = lineageOf(system, path.id);
  const root = hyperparametersOf(system, steps[steps.length - 1].id);
  return html("figure", { id: "hyperparameters" },
    html("h3", {}, "Hyperparameters"),
    html("figcaption", {}, "Of its path, and of the root at the end of its lineage."),
    html("div", { class: "scroll", style: "max-height:440px", tabindex: 0 }, html("table", {},
      html("thead", {}, html("tr", {}, ["name", "path", "root"].map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {}, Object.entries(own).map(([name, value]) => html("tr", {},
        html("td", { class: "text" }, name),
        html("td", {}, name in root && root[name] !== value ? html("b", {}, spell(value)) : spell(value)),
        html("td", {}, name in root ? spell(root[name]) : "–")))))));
}
