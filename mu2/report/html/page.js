// The page: its header, its sections, and what makes them from the document.

let documentOf = null, whenDrawn = null;

function boot(report) {
  documentOf = report;
  for (const system of report.systems) {
    if (!system.taskNumbers) {
      prepare(system);
      system.few = report.few;
      system.cividis = report.cividis;
    }
  }
  followers = [];
  const system = report.systems[Math.min(state.system, report.systems.length - 1)];
  if (state.task !== null && !system.taskNumbers.has(state.task)) state.task = null;
  const main = html("main", {},
    html("h1", {}, system.name),
    totalsOf(system),
    graphSection(system),
    taskTable(system),
    taskSection(system),
    chartSection(system),
    report.comparison ? compareSection(report) : []);
  const top = topBar(report, system);
  document.body.replaceChildren(top, main, tip);
  follow((change) => {
    if ("system" in change) return boot(report);
    if ("task" in change) {
      for (const drawing of document.querySelectorAll(".plot, #tasks, #most-shared, .jump")) light(drawing);
      for (const canvas of document.querySelectorAll("canvas")) canvas.paint?.();
      const box = document.querySelector("#find");
      if (box) box.value = state.task ?? "";
    }
    if ("child" in change && state.child !== null && !document.querySelector("#live")?.textContent) {
      document.querySelector("#child")?.scrollIntoView({ block: "nearest" });
    }
  });
  for (const drawing of document.querySelectorAll("#tasks, .jump")) light(drawing);
  if (whenDrawn) whenDrawn();
}

function goToTask(task) {
  choose({ task });
  document.querySelector("#task").scrollIntoView();
}

// The task that a text means, in whatever case: its name, its beginning or a part; or why there is none.
function findTask(system, text) {
  const wanted = text.trim().toLowerCase(), names = system.tasks.map((task) => task.name);
  if (system.taskNumbers.has(text)) return [text, ""];
  if (!wanted) return [null, ""];
  const having = (test) => names.filter((name) => test(name.toLowerCase()));
  for (const test of [(name) => name === wanted, (name) => name.startsWith(wanted), (name) => name.includes(wanted)]) {
    const met = having(test);
    if (met.length === 1) return [met[0], ""];
    if (met.length) return [null, `${met.length} match: ${met.slice(0, 3).map((name) => shorten(name, 16)).join(", ")}${met.length > 3 ? ", …" : ""}`];
  }
  return [null, "no match"];
}

function topBar(report, system) {
  const found = html("span", { class: "quiet", id: "found", role: "status" });
  const find = html("input", {
    id: "find", type: "search", list: "names", placeholder: "find a task", size: 14, "aria-label": "find a task",
    value: state.task ?? "", on: {
      input: () => found.replaceChildren(),
      change: (event) => system.taskNumbers.has(event.target.value) && goToTask(event.target.value),
      keydown: (event) => {
        if (event.key !== "Enter") return;
        const [task, words] = findTask(system, event.target.value);
        found.replaceChildren(words);
        if (task !== null) goToTask(task);
      },
    } });
  const links = [["system-graph", "graph"], ["tasks", "tasks"], ["task", "one task"], ["charts", "across tasks"]];
  if (report.comparison) links.push(["compare", "compare"]);
  return html("header", { class: "bar" },
    html("strong", {}, "mu2"),
    html("nav", { "aria-label": "sections" }, links.map(([id, name]) =>
      html("a", { href: `#${id}`, on: { click: (event) => {
        event.preventDefault();
        document.querySelector(`#${id}`).scrollIntoView();
      } } }, name))),
    html("span", { class: "live", id: "live", role: "status" }),
    report.systems.length > 1
      ? html("select", { id: "which", "aria-label": "system", on: { change: (event) =>
          choose({ system: Number(event.target.value), commit: null, layer: null }) } },
        report.systems.map((each, number) => html("option", { value: number, selected: each === system }, each.name)))
      : [],
    html("span", { class: "find" }, find, found),
    html("datalist", { id: "names" }, system.tasks.map((task) => html("option", { value: task.name }))),
    html("button", { type: "button", id: "theme", on: { click: () => {
      document.documentElement.dataset.theme = isDark() ? "light" : "dark";
      boot(report);
    } } }, isDark() ? "☀ light" : "☾ dark"));
}

function totalsOf(system) {
  const stands = system.underWay.map(([task, iteration, generation]) =>
    `${task}: iteration ${iteration + 1}, ${plural(generation, "generation")} done`);
  const cards = html("div", { class: "cards", id: "totals" }), when = html("p", { class: "quiet", id: "when" });
  const draw = () => {
    const last = system.commits.length - 1, t = totalsAfter(system, state.commit);
    cards.replaceChildren(...[
      ["tasks", String(t.tasks)], ["mean test accuracy", say(t.test, "percent")], ["parameters", say(t.parameters, "count")],
      ["parameters a task", say(t.paths ? t.accounted / t.paths : null, "count")],
      ["children", say(t.children, "count")], ["training time", say(t.seconds, "seconds")], ["operations", say(t.flops, "flops")],
    ].map(tile));
    when.textContent = isEarlier(system, state.commit)
      ? `After commit ${state.commit + 1} of ${last + 1}, as the slider of the graph says; the table of tasks and all below it show the end.` : "";
  };
  follow((change) => "commit" in change && cards.isConnected && draw());
  draw();
  return [
    html("p", { class: "quiet", id: "standing" }, system.complete ? "Its last run is complete."
      : `Its last run is not finished${stands.length ? ` (${stands.join("; ")})` : ""}.`),
    cards, when, termList()];
}

const isEarlier = (system, commit) => commit !== null && commit < system.commits.length - 1;

// What the tiles say, as it stood after a commit.
function totalsAfter(system, commit) {
  if (!isEarlier(system, commit)) return system.totals;
  const { kept } = pathsAt(system, commit), c = system.children, sizes = unpack(system.components.sizes);
  const before = Array.from({ length: Math.min(c.count, system.commits[commit].children) }, (_, child) => child);
  const paths = [...kept.values()].map((number) => system.paths[number]);
  const roots = system.paths.filter((path) => path.task === null);
  const size = (some) => {
    let all = 0;
    for (const component of new Set(some.flatMap((path) => path.components))) all += sizes[component];
    return all;
  };
  const tests = paths.map((path) => path.test).filter(known);
  return {
    tasks: kept.size, paths: kept.size, test: tests.length ? tests.reduce((a, b) => a + b, 0) / tests.length : null,
    parameters: size([...roots, ...paths]), accounted: size(paths), children: before.length,
    seconds: sum(before, unpack(c.seconds)), flops: sum(before, unpack(c.flops)),
  };
}

const GAP = 0.1;

// A mark for a test accuracy that is far below validation; null where it is not.
function gapOf(path) {
  const gap = path && known(path.test) && known(path.quality) ? path.quality - path.test : 0;
  return gap <= GAP ? null : html("span", { class: "tag warn", "data-tip":
    `${inPercent(gap)} points below validation accuracy: what children are chosen by says little of the test examples` },
  `−${inPercent(gap, 0)}`);
}

const FIRST_ROWS = 60;

function taskTable(system) {
  const paths = system.tasks.map((task) => (task.path === null ? null : system.paths[system.pathNumbers.get(task.path)]));
  const columns = [
    ["task", (i) => system.tasks[i].name, null], ["test", (i) => paths[i]?.test, "percent"],
    ["validation", (i) => paths[i]?.quality, "percent"], ["comes from", (i) => system.tasks[i].origin, null],
    ["layers reused", (i) => (paths[i] ? system.tasks[i].reused : null), "count"],
    ["of", (i) => paths[i]?.components.length, "count"],
    ["uses layers of", (i) => (system.tasks[i].from || []).join(", "), null],
    ["parameters added", (i) => system.tasks[i].added, "count"], ["accounted", (i) => system.tasks[i].accounted, "count"],
    ["share of system", (i) => system.tasks[i].share, "percent"],
    ["children", (i) => childrenOf(system, system.tasks[i].name).length, "count"],
    ["time", (i) => sum(childrenOf(system, system.tasks[i].name), unpack(system.children.seconds)), "seconds"],
  ];
  const values = columns.map(([, value]) => system.tasks.map((_, i) => value(i)));
  let sorted = null, falling = false, rest = null;
  const body = html("tbody", {});
  const draw = () => {
    const order = system.tasks.map((_, i) => i);
    if (sorted !== null) {
      const key = values[sorted], sign = falling ? -1 : 1;
      order.sort((a, b) => {
        if (!known(key[a]) || !known(key[b])) return Number(!known(key[a])) - Number(!known(key[b]));
        return sign * (typeof key[a] === "string" ? key[a].localeCompare(key[b]) : key[a] - key[b]) || a - b;
      });
    }
    const row = (i) => {
      const task = system.tasks[i];
      return html("tr", { "data-task": task.name }, columns.map(([, , unit], column) => {
        if (column === 0) {
          return html("td", { class: "text" }, taskButton(system, task.name), task.private ? html("span", { class: "tag" }, "private") : []);
        }
        const value = values[column][i], gap = column === 1 ? gapOf(paths[i]) : null;
        if (gap) return html("td", {}, gap, ` ${say(value, unit)}`);
        return html("td", { class: unit === null ? "text" : null }, unit === null ? value || "–" : say(value, unit));
      }));
    };
    // What is below the edge of the box can wait until the page has been painted.
    body.replaceChildren(...order.slice(0, FIRST_ROWS).map(row));
    clearTimeout(rest);
    if (order.length > FIRST_ROWS) {
      requestAnimationFrame(() => {
        rest = setTimeout(() => {
          body.replaceChildren(...order.map(row));
          light(body);
        });
      });
    }
    light(body);
  };
  const head = columns.map(([name, , unit], column) => heading(name, { class: unit === null ? "text" : null, "aria-sort": "none" },
    html("button", { type: "button", on: { click: (event) => {
      falling = sorted === column ? !falling : unit !== null;
      sorted = column;
      for (const cell of event.target.closest("tr").children) cell.setAttribute("aria-sort", "none");
      event.target.closest("th").setAttribute("aria-sort", falling ? "descending" : "ascending");
      draw();
    } } }, name)));
  draw();
  return html("section", { id: "tasks" }, html("h2", {}, "Tasks"),
    html("p", { class: "quiet" }, "A click on a heading sorts, a click on a task shows everything of it below. " +
      "A mark beside a test accuracy: it is more than 10 points below that of validation."),
    html("div", { class: "scroll", tabindex: 0 }, html("table", {}, html("thead", {}, html("tr", {}, head)), body)));
}

function chartSection(system) {
  timePerOperation(system.charts);
  const charts = system.charts.map((chart) => figureOf(system, chart));
  return html("section", { id: "charts" }, html("h2", {}, "Across tasks"),
    charts.length ? html("div", { class: "charts" }, flowFigure(system), charts, courseFigure(system))
      : html("p", { class: "quiet" }, "No task has a path yet."));
}

// Gives each bar of time a note: seconds for as many operations, by which tasks can be compared.
function timePerOperation(charts) {
  const [time, flops] = ["time", "flops"].map((kind) => charts.find((chart) => chart.kind === kind)?.series[0]);
  if (!time || !flops) return;
  const spent = new Map(flops.tasks.map((task, i) => [task, flops.y[i]]));
  time.notes = time.tasks.map((task, i) => {
    const rate = time.y[i] / (spent.get(task) / 1e12);
    return Number.isFinite(rate) ? `${say(rate, "seconds")} a TFLOP` : "";
  });
}

// The course of one hyperparameter along the lineages of all kept paths.
function courseFigure(system) {
  const names = Object.keys(system.children.hyperparameters)
    .filter((name) => system.children.hyperparameters[name].values.length > 1);
  if (!names.length) return [];
  const holder = html("div", {});
  const draw = (name) => {
    const column = system.children.hyperparameters[name];
    const numeric = column.values.every((value) => typeof value === "number");
    const ticks = numeric ? [] : column.values.map(String).sort();
    const series = system.tasks.filter((task) => task.path !== null).map((task) => {
      const steps = lineageOf(system, task.path).filter((step) => step.child !== null).reverse();
      const values = steps.map((step) => choice(column, step.child));
      return { name: task.name, x: values.map((_, i) => i + 1), y: values.map((v) => (v === null ? null : numeric ? v : ticks.indexOf(String(v)))),
        tasks: [task.name], tone: "plain" };
    });
    const positive = numeric && column.values.every((value) => value > 0) && Math.max(...column.values) > 20 * Math.min(...column.values);
    const chart = { kind: "course", title: `Course of ${name}`, shape: "steps", caption: "Along the lineage of each task's path, from the root's first descendant on.",
      x: { label: "ancestors since the root", unit: "count", ticks: [] }, y: { label: name, unit: "number", log: positive, ticks }, series };
    holder.replaceChildren(figureOf(system, chart));
  };
  draw(names.includes("learning_rate") ? "learning_rate" : names[0]);
  return html("div", {},
    html("div", { class: "controls" }, html("label", {}, "hyperparameter ",
      html("select", { id: "course", on: { change: (event) => draw(event.target.value) } },
        names.map((name) => html("option", { selected: name === "learning_rate" }, name))))), holder);
}

function compareSection(report) {
  const { comparison } = report;
  const head = ["task", ...report.systems.map((system) => system.name), "spread"];
  const rows = comparison.tasks.map(([task, accuracies]) => {
    const there = accuracies.filter(known);
    return html("tr", { "data-task": task }, html("td", { class: "text" }, taskButton(report.systems[0], task)),
      accuracies.map((value) => html("td", {}, value === Math.max(...there) && there.length > 1 ? html("b", {}, say(value, "percent")) : say(value, "percent"))),
      html("td", {}, there.length > 1 ? say(Math.max(...there) - Math.min(...there), "percent") : "–"));
  });
  const settings = comparison.settings.map(([name, values]) =>
    html("tr", {}, html("td", { class: "text" }, name), values.map((value) => html("td", { class: "text" }, value ?? "–"))));
  const system = report.systems[0];
  return html("section", { id: "compare" }, html("h2", {}, "Systems side by side"),
    html("div", { class: "charts" }, comparison.charts.map((chart) => figureOf(system, chart))),
    html("h3", {}, "Test accuracy, task by task"),
    html("div", { class: "scroll", tabindex: 0 }, html("table", {}, html("thead", {}, html("tr", {}, head.map((name) => html("th", { scope: "col" }, name)))), html("tbody", {}, rows))),
    html("h3", { style: "margin-top:1rem" }, "What differs in their settings"),
    settings.length
      ? html("div", { class: "scroll", tabindex: 0 }, html("table", {}, html("thead", {}, html("tr", {}, head.slice(0, -1).map((name, i) => html("th", { class: "text", scope: "col" }, i ? name : "binding")))), html("tbody", {}, settings)))
      : html("p", { class: "quiet" }, "Nothing: they were run with the same bindings."));
}

// ---- begin ----

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "light";
});
followPointer(document);
readAddress();
const data = document.querySelector("#data");
if (data) boot(JSON.parse(data.textContent));
else goLive();
