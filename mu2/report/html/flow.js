// Knowledge flow as bands: who gives layers on the left, who uses them on the right.
function flowFigure(system) {
  const chart = system.charts.find((each) => each.kind === "flow");
  const value = matrixOf(chart.values), links = [];
  chart.rows.forEach((from, row) => chart.columns.forEach((to, column) => {
    if (value(row, column)) links.push([from, to, value(row, column)]);
  }));
  // Too many to be told apart: those of the selected task, or the widest that are not a root's.
  const few = links.length <= 60;
  const choice_ = () => {
    if (few) return links;
    const own = links.filter((link) => state.task !== null && (link[0] === state.task || link[1] === state.task));
    const chosen = own.length ? own : links.filter((link) => link[0] !== "root");
    return chosen.sort((a, b) => b[2] - a[2]).slice(0, 60);
  };
  const draw = (width) => {
    const shown = choice_();
    const total = (at, name) => shown.reduce((all, link) => all + (link[at] === name ? link[2] : 0), 0);
    const givers = chart.rows.filter((name) => total(0, name)), takers = chart.columns.filter((name) => total(1, name));
    const unit = Math.max(1.2, Math.min(9, 420 / Math.max(1, shown.reduce((all, link) => all + link[2], 0))));
    const place = (names, at) => {
      const found = new Map();
      let y = 8;
      for (const name of names) {
        const tall = Math.max(14, unit * total(at, name));
        found.set(name, { y, tall, used: 0 });
        y += tall + 8;
      }
      return [found, y];
    };
    const [left, leftEnd] = place(givers, 0), [right, rightEnd] = place(takers, 1);
    const height = Math.max(leftEnd, rightEnd, 60), edge = Math.min(130, 0.3 * width);
    const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0,
      "aria-label": `Knowledge flow. ${shown.slice(0, 10).map((link) => `${link[1]} uses ${plural(link[2], "layer")} of ${link[0]}`).join("; ")}.` });
    const marks = [];
    for (const name of takers) for (const giver of givers) {
      const link = shown.find((each) => each[0] === giver && each[1] === name);
      if (!link) continue;
      const a = left.get(giver), b = right.get(name), thick = unit * link[2];
      const ay = a.y + a.used + thick / 2, by = b.y + b.used + thick / 2, middle = width / 2;
      a.used += thick;
      b.used += thick;
      const text = `${name} uses ${plural(link[2], "layer")} of ${giver}`;
      drawing.append(svg("path", { class: "curve", "stroke-width": Math.max(1.2, thick - 0.6), opacity: 0.65, "data-task": name, "data-giver": giver, "data-choose": name, "data-tip": text,
        style: `stroke-linecap:butt;stroke:${colourOf(system, giver === "root" ? null : giver)}`,
        d: `M${edge},${ay}C${middle},${ay} ${middle},${by} ${width - edge},${by}` }));
      marks.push({ x: middle, y: (ay + by) / 2, tip: text, task: name });
    }
    const letters = Math.floor((edge - 14) / 6.8);
    for (const [names, x, anchor] of [[left, edge - 8, "end"], [right, width - edge + 8, "start"]]) {
      for (const [name, at] of names) {
        drawing.append(svg("text", { x, y: at.y + at.tall / 2 + 4, "text-anchor": anchor, "data-task": name, "data-choose": name === "root" ? null : name, "data-tip": name },
          shorten(name, letters)));
      }
    }
    return withKeys(drawing, marks);
  };
  const box = plotBox(120, draw);
  if (!few) follow((change) => "task" in change && box.isConnected && box.drawnAt && box.draw());
  return html("figure", { id: "chart-bands" }, html("h3", {}, "Who helps whom"),
    html("figcaption", {}, `On the left who made layers, on the right who uses them as they are; a band is as wide as they are many.${
      few ? "" : ` Of ${links.length} bands those of the selected task, or the 60 widest that are not a root's.`}`),
    links.length ? box : html("p", { class: "quiet" }, "No task uses another's layers."));
}

