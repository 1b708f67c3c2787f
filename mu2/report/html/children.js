// The children of a task: their curves, their scores, and for each why it was kept or not.

const RETAINED = 1, DIVERGED = 2, STOPPED = 4;
const CLASSES = { won: "kept", dropped: "dropped", diverged: "dropped" };

function childCharts(system, task, children) {
  if (!children.length) return html("p", { class: "quiet" }, "The log holds no child of it.");
  const c = system.children, flags = unpack(c.flags), score = unpack(c.score);
  const line = new Set(lineageOf(system, task.path ?? "").map((step) => step.id));
  const tone = (child) =>
    line.has(childPath(system, child)) ? "strong" : flags[child] & RETAINED ? "plain" : "faint";
  const curves = children.map((child) => {
    const values = Array.from(listAt(c.qualities, child));
    return {
      name: `child ${childPath(system, child)}`, x: values.map((_, i) => i + 1), y: values,
      tasks: [task.name], tone: tone(child), children: [child],
      notes: values.map(() => outcomeOf(system, child)),
    };
  });
  const groups = [
    ["dropped", (child) => tone(child) === "faint", "faint"],
    ["kept for a while", (child) => tone(child) === "plain", "plain"],
    ["in the lineage of the path it keeps", (child) => tone(child) === "strong", "strong"],
  ];
  const place = new Map(children.map((child, i) => [child, i + 1]));
  const scores = groups.map(([name, belongs, tone_]) => {
    const chosen = children.filter((child) => belongs(child) && known(score[child]));
    return {
      name, x: chosen.map((child) => place.get(child)), y: chosen.map((child) => score[child]), tasks: [task.name],
      tone: tone_, children: chosen.length > 1 ? chosen : [...chosen, ...chosen],
      notes: chosen.map((child) => outcomeOf(system, child)),
    };
  }).filter((series) => series.x.length);
  const charts = [
    { kind: "curves", title: "Learning curves of its children", shape: "lines", caption: "Validation accuracy after each " +
      "interval. Bold: the lineage of the path it keeps; coloured: kept for a while; grey: dropped.",
      x: { label: "validation interval", unit: "count", ticks: [] }, y: { label: "validation accuracy", unit: "percent", ticks: [] },
      series: curves },
    { kind: "scores", title: "Score against the child's number", shape: "points", caption: "A point a child, in the order of " +
      "training. Ringed: the lineage of the path it keeps; coloured: kept for a while; grey: dropped. Click on one.",
      x: { label: "child of this task", unit: "count", ticks: [] }, y: { label: "score", unit: "percent", ticks: [] }, series: scores },
    learningChart(system, task),
  ].filter(Boolean);
  return html("div", { class: "charts" }, charts.map((chart) => figureOf(system, chart)));
}

// The curves of the path's ancestors of the same task, one after the other, each up to its best.
function learningChart(system, task) {
  if (task.path === null) return null;
  const c = system.children, chain = [];
  for (const step of lineageOf(system, task.path)) {
    if (step.child === null || step.task !== task.name) break;
    chain.unshift(step);
  }
  const x = [], y = [], bestX = [], bestY = [];
  for (const step of chain) {
    const values = Array.from(listAt(c.qualities, step.child));
    const best = values.lastIndexOf(Math.max(...values));
    for (const value of values.slice(0, best + 1)) {
      x.push(x.length + 1);
      y.push(value);
    }
    if (best >= 0) {
      bestX.push(x.length);
      bestY.push(values[best]);
    }
  }
  if (!x.length) return null;
  const path = system.paths[system.pathNumbers.get(task.path)];
  const series = [
    { name: "validation", x, y, tasks: [task.name], tone: "strong" },
    { name: "the interval that was taken", x: bestX, y: bestY, tasks: [], tone: "strong", mark: "cross" },
  ];
  if (known(path.test)) series.push({ name: "test, once", x: [x.length + 1], y: [path.test], tasks: [], tone: "strong", mark: "dot" });
  return {
    kind: "learning", title: "Learning along the lineage", shape: "lines", caption: "Validation accuracy of the ancestors of " +
      "this task one after the other, each up to the interval that was taken (cross).",
    x: { label: "validations", unit: "count", ticks: [] }, y: { label: "accuracy", unit: "percent", ticks: [] }, series,
  };
}

// The child that a child's task iteration ended with; undefined: it is not over, or none was better.
function winnerBeside(system, child) {
  if (!system.winners) {
    system.winners = new Map();
    for (const path of system.paths) {
      const won = childOfPath(system, path.id);
      if (won !== undefined) system.winners.set(iterationOf(system, won), won);
    }
  }
  return system.winners.get(iterationOf(system, child));
}

const iterationOf = (system, child) => `${unpack(system.children.iteration)[child]} ${childTask(system, child)}`;

const isUnderWay = (system, child) => system.underWay.some(([task, iteration]) =>
  task === childTask(system, child) && iteration === unpack(system.children.iteration)[child]);

function outcomeOf(system, child) {
  const flags = unpack(system.children.flags)[child];
  if (flags & DIVERGED) return "diverged";
  if (winnerBeside(system, child) === child) return "won";
  if (!(flags & RETAINED)) return "dropped";
  return isUnderWay(system, child) ? "kept so far" : "kept for a while";
}

// Of two scores, how far the second is from the first.
function marginOf(score, other) {
  const points = Math.abs(100 * (other - score));
  if (!points) return "the same score";
  const than = other < score ? "less" : "more";
  return `${say(other, "percent")}: ${points < 0.05 ? "under 0.1" : points.toFixed(1)} points ${than}`;
}

// One sentence that says why a child was kept or dropped.
function reasonOf(system, child) {
  const c = system.children, flags = unpack(c.flags)[child];
  const score = unpack(c.score)[child], bar = unpack(c.bar)[child], parent = parentOf(system, child);
  const said = say(score, "percent"), kept = winnerBeside(system, child) === child ? "Kept" : outcomeOf(system, child).replace(/^k/, "K");
  if (flags & DIVERGED) return "Dropped: its loss was no longer a number.";
  const early = flags & STOPPED ? " Its training was ended early, as it lagged behind." : "";
  if (!known(bar)) {
    return flags & RETAINED
      ? `${kept}: its parent ${parent} is no path of this task, so any score would do; its own is ${said}.${early}`
      : `Dropped: its score ${said} was below those of the paths that the population kept.${early}`;
  }
  const than = `its parent ${parent} had ${say(bar, "percent")}`;
  if (score < bar) return `Dropped: its score is ${said}; ${than}.${early}`;
  return flags & RETAINED ? `${kept}: its score is ${said}; ${than}.${early}`
    : `Dropped: its score ${said} reached its parent's, but the population kept better ones.${early}`;
}

// Whether it won its task iteration, by how much and against whom.
function survivalOf(system, child) {
  const score = unpack(system.children.score), winner = winnerBeside(system, child);
  if (winner === undefined) {
    return isUnderWay(system, child) ? " Its task iteration is not over."
      : unpack(system.children.flags)[child] & RETAINED
        ? " It did not win its task iteration: the path that the task had before stayed the best." : "";
  }
  if (winner !== child) {
    return known(score[child])
      ? ` ${childPath(system, winner)} won the task iteration with ${marginOf(score[child], score[winner])}.` : "";
  }
  const task = childTask(system, child), record = system.tasks[system.taskNumbers.get(task)];
  const others = childrenOf(system, task).filter((other) => other !== child && known(score[other]) &&
    iterationOf(system, other) === iterationOf(system, child));
  const second = others.reduce((best, other) => (best === null || score[other] > score[best] ? other : best), null);
  return (record && record.path === childPath(system, child)
    ? " It won: it had the best score when its task iteration ended, and is the path that the task keeps."
    : " It won: it had the best score when its task iteration ended; a later iteration found a better one.") +
    (second === null ? "" : ` The runner-up, ${childPath(system, second)}, had ${marginOf(score[child], score[second])}.`);
}

function childTable(system, task, children) {
  if (!children.length) return [];
  const c = system.children, shown = children.slice(-500);
  const rows = shown.map((child) => html("tr", { "data-row": child, class: outcomeOf(system, child) === "won" ? "won" : null },
    html("td", { class: "text" }, html("button", { type: "button", class: "task", "data-child": child }, childPath(system, child))),
    html("td", { class: "text" }, parentOf(system, child)),
    html("td", {}, say(unpack(c.quality)[child], "percent")),
    html("td", {}, say(unpack(c.score)[child], "percent")),
    html("td", {}, known(unpack(c.bar)[child]) ? say(unpack(c.bar)[child], "percent") : "any"),
    html("td", { class: CLASSES[outcomeOf(system, child)] ?? null }, outcomeOf(system, child)),
    html("td", {}, say(unpack(c.trained)[child], "count")),
    html("td", {}, say(unpack(c.seconds)[child], "seconds")),
    html("td", {}, say(unpack(c.flops)[child], "flops"))));
  const head = ["child", "parent", "quality", "score", "to reach", "outcome", "trained parameters", "time", "operations"];
  return html("details", { id: "children" },
    html("summary", {}, `All ${plural(children.length, "child", "children")}` +
      (shown.length < children.length ? ` (the last ${shown.length} are listed)` : "")),
    html("div", { class: "scroll", tabindex: 0 }, html("table", {},
      html("thead", {}, html("tr", {}, head.map((name, i) => heading(name, { class: i < 2 ? "text" : null })))), html("tbody", {}, rows))));
}

function showChild(system, box) {
  if (!box) return;
  const child = state.child;
  if (child === null) {
    box.replaceChildren();
    return;
  }
  const c = system.children;
  box.replaceChildren(html("figure", { class: "wide", style: "margin:.8rem 0" },
    html("h3", {}, `Child ${childPath(system, child)}`),
    html("p", { id: "reason" }, reasonOf(system, child) + survivalOf(system, child)),
    html("p", {}, mutationsOf(system, child)),
    html("p", { class: "quiet" },
      `${say(unpack(c.trained)[child], "count")} of ${say(unpack(c.parameters)[child], "count")} parameters trained in ` +
      `${unpack(c.steps)[child]} steps, ${say(unpack(c.flops)[child], "flops")}` +
      (known(unpack(c.seconds)[child]) ? `, ${say(unpack(c.seconds)[child], "seconds")}${timeIsShared(system, child)}.` : "."))));
}

// Children that are trained together share their time equally; the log has no other.
function timeIsShared(system, child) {
  const c = system.children, seconds = unpack(c.seconds), generation = unpack(c.generation);
  const together = childrenOf(system, childTask(system, child)).filter((other) =>
    iterationOf(system, other) === iterationOf(system, child) && generation[other] === generation[child] &&
    seconds[other] === seconds[child]);
  return together.length < 2 ? ""
    : ` (an equal share of what ${plural(together.length, "child", "children")} trained together took)`;
}

// ---- test predictions ----

function predictionPart(system, task) {
  if (!task.predictions) {
    return html("p", { class: "quiet", id: "predictions" },
      "Accuracy per class and confusion: this system has no test predictions of this task.");
  }
  const labels = unpack(task.predictions.labels), classes = unpack(task.predictions.classes);
  const number = task.classes.length, counts = new Float64Array(number * number);
  labels.forEach((label, i) => {
    counts[label * number + classes[i]] += 1;
  });
  const totals = task.classes.map((_, label) => counts.slice(label * number, (label + 1) * number).reduce((a, b) => a + b, 0));
  const share = (label, guess) => (totals[label] ? counts[label * number + guess] / totals[label] : NaN);
  const order = task.classes.map((_, label) => label);
  const bars = { kind: "classes", title: "Accuracy per class", shape: "bars", caption: "Share of a class's test examples that are classified right.",
    x: { label: "class", unit: "number", ticks: task.classes }, y: { label: "test accuracy", unit: "percent", ticks: [] },
    series: [{ name: "accuracy", x: order, y: order.map((label) => share(label, label)), tasks: order.map(() => task.name), tone: "plain" }] };
  const cells = [];
  for (let guess = 0; guess < number; guess++) for (let label = 0; label < number; label++) cells.push(share(label, guess) || 0);
  const confusion = { kind: "confusion", title: "Confusion", shape: "matrix", caption: "Share of a row's test examples that are taken for a column.",
    rows: task.classes, columns: task.classes, row_label: "true class", column_label: "taken for", unit: "percent",
    values: { rows: number, columns: number, matrix: Float32Array.from(cells), values: null } };
  return html("div", { class: "charts", id: "predictions" }, figureOf(system, bars), figureOf(system, confusion));
}
