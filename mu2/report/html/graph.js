// The system graph: a column a layer, a row a task; its slider goes through the commits.

const ROW_LABEL = 132, RESULT = 62, HEAD = 74;

// The kept path of each task after the commit of this number, and what that commit changed.
function pathsAt(system, commit) {
  const kept = new Map();
  let changed = new Set();
  for (let i = 0; i <= commit && i < system.commits.length; i++) {
    changed = new Set();
    for (const [task, path] of system.commits[i].paths) {
      if (kept.get(task) !== path) changed.add(task);
      kept.set(task, path);
    }
  }
  return { kept, changed };
}

function usersOf(system, kept) {
  const users = new Map();
  for (const task of [...kept.keys()].sort((a, b) => a - b)) {
    for (const component of system.paths[kept.get(task)].components) {
      if (!users.has(component)) users.set(component, []);
      users.get(component).push(task);
    }
  }
  return users;
}

function graphSection(system) {
  const last = system.commits.length - 1;
  const at = () => (state.commit === null ? last : Math.max(0, Math.min(last, state.commit)));
  const box = html("div", { class: "plot", id: "graph", style: "min-height:200px" });
  const said = html("output", { id: "commit", for: "slider", "aria-live": "polite" });
  const slider = html("input", {
    type: "range", id: "slider", min: 0, max: Math.max(0, last), step: 1, value: at(),
    "aria-label": "commit", on: { input: () => choose({ commit: Number(slider.value) }) },
  });
  let timer = null;
  const play = html("button", { type: "button", id: "play", on: { click: () => {
    if (timer) return stop();
    if (at() === last) choose({ commit: 0 });
    play.textContent = "❚❚ pause";
    timer = setInterval(() => {
      if (at() >= last || !play.isConnected) return stop();
      choose({ commit: at() + 1 });
    }, Math.max(60, Math.min(900, 20000 / Math.max(1, last))));
  } } }, "▶ play");
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ play";
  };
  const details = html("div", { id: "layer" });
  // What a click chose is told further down: these go there.
  const ways = html("span", { class: "ways", "aria-live": "polite" });
  const point = () => ways.replaceChildren(
    ...(state.task === null ? [] : [wayTo("task", state.task)]),
    ...(layerIsKnown(system) ? [wayTo("layer", `layer ${system.components.names[state.layer]}`)] : []));
  const draw = () => {
    box.drawnAt = Math.max(240, box.clientWidth || 800);
    const commit = system.commits[at()];
    slider.value = at();
    said.textContent = commit
      ? `${at() + 1} of ${last + 1}: ${commit.message}` : "no task has a path yet";
    box.classList.toggle("many", system.tasks.length > 40);
    box.replaceChildren(...drawGraph(system, at(), box.drawnAt));
    light(box);
  };
  box.draw = draw;
  resized.observe(box);
  follow((change) => {
    if (!box.isConnected) return;
    if ("commit" in change) {
      draw();
      shared.replaceChildren(mostShared(system, at()));
      light(shared);
    }
    if ("layer" in change || "commit" in change) describeLayer(system, at(), details);
    if ("layer" in change || "task" in change) point();
    light(box);
    if ("task" in change) showRow(box, state.task);
    if ("commit" in change) showRow(box, newestOf(system, at()));
    if ("layer" in change) {
      for (const node of box.querySelectorAll(".node")) {
        node.classList.toggle("chosen", Number(node.dataset.layer) === state.layer);
      }
    }
  });
  const shared = html("div", { id: "shared" }, mostShared(system, at()));
  const section = html("section", { id: "system-graph" },
    html("h2", {}, "The system"),
    html("p", { class: "quiet" },
      "A row a task, a column a layer; data flow from left to right. A bar is a layer, in the colour " +
      "of the task that made it and as wide as it has parameters; a line is a task's path, so a bar " +
      "that several lines cross is shared by these tasks. Roots are grey. Click on a task or a bar."),
    html("div", { class: "controls" }, play, slider, said, ways),
    box,
    details,
    shared);
  requestAnimationFrame(() => {
    draw();
    showRow(box, state.task);
    describeLayer(system, at(), details);
    point();
  });
  return section;
}

// The task whose path a commit changed; null if it changed none or several.
function newestOf(system, commit) {
  const { changed } = pathsAt(system, commit);
  return changed.size === 1 ? system.tasks[[...changed][0]].name : null;
}

// Scrolls a tall graph, within its box, to a task's row.
function showRow(box, task) {
  const row = [...box.querySelectorAll("g[data-choose]")].find((each) => each.dataset.choose === task);
  if (!row || box.scrollHeight <= box.clientHeight) return;
  const [at, top] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
  if (at.top < top.top + HEAD || at.bottom > top.bottom) {
    box.scrollTop += at.top - top.top - box.clientHeight / 2;
  }
}

function drawGraph(system, commit, room) {
  const { layout, components } = system;
  const { kept, changed } = pathsAt(system, commit);
  const users = usersOf(system, kept);
  const stretch = Math.max(0.5, Math.min(1.5, (room - ROW_LABEL - RESULT - 8) / layout.width));
  const X = unpack(layout.x), Y = unpack(layout.y), W = unpack(layout.widths);
  const width = Math.max(room - 2, ROW_LABEL + layout.width * stretch + RESULT);
  const height = HEAD + layout.height + 6;
  const x = (node) => ROW_LABEL + X[node] * stretch, y = (node) => HEAD + Y[node];
  const wide = (node) => W[node] * stretch;
  const many = kept.size > 40;
  const drawing = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "group",
    "aria-label": `The system graph: ${plural(kept.size, "task")}, ${plural(users.size, "layer")}. ` +
      "The table of tasks below says the same in words. Arrow keys go from layer to layer.",
  });
  const names = svg("svg", { width, height: HEAD, "aria-hidden": true });
  for (const [name, at] of layout.columns) {
    const place = ROW_LABEL + at * stretch;
    names.append(svg("text", { class: "quiet", "text-anchor": "start",
      transform: `translate(${place - 4},${HEAD - 10}) rotate(-24)` }, shorten(name, 16)));
  }
  const rows = svg("g", {}), paths = svg("g", {}), nodes = svg("g", {}), texts = svg("g", {});
  layout.rows.forEach(([task, top, lanes], row) => {
    const number = task === null ? -1 : system.taskNumbers.get(task);
    const there = task === null || kept.has(number);
    const deep = lanes * 22;
    rows.append(svg("rect", { x: 0, width, y: HEAD + top - 3, height: deep + 6,
      style: `fill:${row % 2 ? "transparent" : "var(--raised)"}` }));
    const known_ = task !== null && system.tasks[number];
    const name = task === null ? "roots" : task, mark = known_ && known_.private ? " (private)" : "";
    texts.append(svg("g", {
      "data-task": task, "data-choose": task, "data-tip": name + mark, opacity: there ? 1 : 0.35 },
      svg("circle", { cx: 10, cy: HEAD + top + deep / 2, r: 5, style: `fill:${colourOf(system, task)}` }),
      svg("text", { x: 20, y: HEAD + top + deep / 2 + 4,
        "font-weight": changed.has(number) ? 700 : 400 }, shorten(name, 17 - mark.length) + mark)));
  });
  // A path crosses a layer at a height of its own, so that lines lie beside each other.
  const ports = new Map();
  for (const [component, tasks] of users) {
    tasks.forEach((task, i) =>
      ports.set(`${component} ${task}`, y(component) + 14 * ((i + 0.5) / tasks.length - 0.5)));
  }
  for (const [task, number] of kept) {
    const path = system.paths[number], name = system.tasks[task].name;
    // It enters a layer on its left edge and leaves it on the right.
    const points = path.components.flatMap((c) => {
      const at = ports.get(`${c} ${task}`), half = wide(c) / 2;
      return [[x(c) - half, at], [x(c) + half, at]];
    });
    let d = "";
    points.forEach(([px, py], i) => {
      if (!i) d = `M${px.toFixed(1)},${py.toFixed(1)}`;
      else {
        const middle = ((points[i - 1][0] + px) / 2).toFixed(1);
        d += `C${middle},${points[i - 1][1].toFixed(1)} ${middle},${py.toFixed(1)} ${px.toFixed(1)},${py.toFixed(1)}`;
      }
    });
    const shown = path.test ?? path.quality;
    paths.append(svg("path", { class: "curve", d, style: `stroke:${colourOf(system, name)}`,
      "stroke-width": many ? 1.1 : 2.2, opacity: many ? null : 0.9, "data-task": name, "data-choose": name,
      "data-tip": `path of ${name}\n${path.id}` }));
    if (points.length) {
      const [ex, ey] = points[points.length - 1];
      texts.append(svg("text", { x: ex + 8, y: ey + 4,
        "data-task": name, "font-weight": changed.has(task) ? 700 : 400 }, say(shown, "percent")));
    }
  }
  const visible = [];
  for (let node = 0; node < X.length; node++) {
    const owner = components.ownerOf(node), used = users.get(node);
    if (!used && owner !== null) continue;
    visible.push(node);
    const mine = used && used.some((task) => changed.has(task)) &&
      components.ids[node].startsWith(`${system.paths[kept.get(used.find((task) => changed.has(task)))].id}/`);
    const bar = svg("rect", {
      class: `node${state.layer === node ? " chosen" : ""}`, x: x(node) - wide(node) / 2, y: y(node) - 7,
      width: wide(node), height: 14, rx: 3, "data-layer": node, "data-task": owner,
      style: `fill:${colourOf(system, owner)};stroke:${mine ? "var(--mark)" : "var(--ground)"}`,
      "stroke-width": mine ? 1.8 : 1, "fill-opacity": used ? 0.85 : 0.3, "data-tip": tipOfLayer(system, users, node),
    });
    if (used) bar.serves = (task) => used.includes(system.taskNumbers.get(task));
    nodes.append(bar);
  }
  nodes.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node) choose({ layer: Number(node.dataset.layer) });
  });
  // Bars lie above the lines: both must be seen, and a pointer on a bar means the bar.
  drawing.append(rows, paths, nodes, texts);
  visible.sort((a, b) => X[a] - X[b] || Y[a] - Y[b]);
  const marks = visible.map((node) => ({ x: x(node), y: y(node), tip: tipOfLayer(system, users, node), layer: node }));
  drawing.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const cursor = drawing.querySelector(".cursor");
    const mark = marks.find((each) => each.x === Number(cursor.getAttribute("cx")) && each.y === Number(cursor.getAttribute("cy")));
    if (mark) choose({ layer: mark.layer });
  });
  return [html("div", { class: "columns" }, names), withKeys(drawing, marks)];
}

function tipOfLayer(system, users, node) {
  const { components } = system, used = users.get(node) || [];
  const names = used.slice(0, 6).map((task) => system.tasks[task].name).join(", ");
  const more = used.length > 6 ? ` and ${used.length - 6} more` : "";
  return `${components.names[node]} of ${components.ownerOf(node) ?? "a root"}\n` +
    `${say(unpack(components.sizes)[node], "count")} parameters\n` +
    (used.length ? `used by ${plural(used.length, "task")}: ${names}${more}` : "used by no task at present");
}

const layerIsKnown = (system) =>
  state.layer !== null && state.layer !== undefined && state.layer < system.components.ids.length;

// A link to a part of the page; nothing scrolls unless it is followed.
const wayTo = (id, name) => html("a", { href: `#${id}`, class: "way", "data-way": id, on: { click: (event) => {
  event.preventDefault();
  document.querySelector(`#${id}`).scrollIntoView();
} } }, `see ${shorten(name, 28)} ↓`);

// What is said below the graph of the layer that was clicked.
function describeLayer(system, commit, box) {
  const node = state.layer;
  if (!layerIsKnown(system)) {
    box.replaceChildren();
    return;
  }
  const { components } = system, users = usersOf(system, pathsAt(system, commit).kept).get(node) || [];
  const origins = [];
  for (let here = node, guard = 0; here >= 0 && guard < 10000; here = unpack(components.sources)[here], guard++) {
    const owner = components.ownerOf(here) ?? "root";
    if (origins[origins.length - 1] !== owner) origins.push(owner);
  }
  box.replaceChildren(
    html("h3", {}, `Layer ${components.names[node]}`, html("span", { class: "quiet" }, ` ${components.ids[node]}`)),
    html("p", {}, `${say(unpack(components.sizes)[node], "count")} parameters, made by `,
      components.ownerOf(node) === null ? "a root" : taskButton(system, components.ownerOf(node)),
      `; it descends from versions of: ${origins.join(" ← ")}.`),
    html("p", {}, users.length ? `Used by ${plural(users.length, "task")}: ` : "Used by no task at this commit.",
      users.slice(0, 60).map((task) => taskButton(system, system.tasks[task].name)),
      users.length > 60 ? ` and ${users.length - 60} more` : []));
}

function mostShared(system, commit) {
  const users = usersOf(system, pathsAt(system, commit).kept);
  const sizes = unpack(system.components.sizes);
  const shared = [...users].filter(([, tasks]) => tasks.length > 1)
    .sort((a, b) => b[1].length - a[1].length || sizes[b[0]] - sizes[a[0]] || a[0] - b[0]).slice(0, 12);
  if (!shared.length) return html("p", { class: "quiet" }, "No layer is shared by two tasks.");
  return html("figure", { class: "wide", id: "most-shared" },
    html("h3", {}, "Layers that most tasks share"),
    html("div", { class: "scroll", style: "max-height:340px", tabindex: 0 },
      html("table", {},
        html("thead", {}, html("tr", {},
          html("th", { class: "text", scope: "col" }, "layer"), html("th", { class: "text", scope: "col" }, "made by"),
          html("th", { scope: "col" }, "tasks"), html("th", { scope: "col" }, "parameters"),
          html("th", { class: "text", scope: "col" }, "used by"))),
        html("tbody", {}, shared.map(([node, tasks]) => html("tr", {},
          html("td", { class: "text" }, html("button", { type: "button", class: "task",
            on: { click: () => choose({ layer: node }) } }, system.components.names[node])),
          html("td", { class: "text" }, system.components.ownerOf(node) ?? "root"),
          html("td", {}, tasks.length),
          html("td", {}, say(sizes[node], "count")),
          html("td", { class: "text many" }, tasks.slice(0, 6).map((task) => taskButton(system, system.tasks[task].name)),
            tasks.length > 6 ? ` +${tasks.length - 6}` : [])))))));
}
