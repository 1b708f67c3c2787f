// Knowledge flow as bands: who gives layers on the left, who uses them on the right.

const BANDS = 60, GIVERS = 12, TAKERS = 40, OTHERS = -1;

// Those that stand for themselves of a side's [place, total], in their order; the rest is one.
function leadersOf(totals, most, ranked) {
  const falling = [...totals].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([place]) => place);
  const chosen = falling.length > most ? falling.slice(0, most - 1) : falling;
  return ranked ? chosen : chosen.sort((a, b) => a - b);
}

// Sums the links [giver, taker, layers] of those that are not shown by themselves.
function together(links, givers, takers) {
  const sums = new Map();
  for (const [giver, taker, layers] of links) {
    const a = givers.includes(giver) ? giver : OTHERS, b = takers.includes(taker) ? taker : OTHERS;
    const key = `${a} ${b}`;
    sums.set(key, [a, b, (sums.has(key) ? sums.get(key)[2] : 0) + layers]);
  }
  return [...sums.values()];
}

function totalsAt(links, at) {
  const totals = new Map();
  for (const link of links) totals.set(link[at], (totals.get(link[at]) || 0) + link[2]);
  return totals;
}

function flowFigure(system) {
  const chart = system.charts.find((each) => each.kind === "flow");
  const value = matrixOf(chart.values), links = [];
  chart.rows.forEach((_, row) => chart.columns.forEach((_, column) => {
    if (value(row, column)) links.push([row, column, value(row, column)]);
  }));
  const giverOf = (row) => (row === 0 ? null : chart.rows[row]);
  // Too many to be told apart: those of the selected task, or all, the small ones together.
  const few = links.length <= BANDS;
  const chosen = () => {
    if (few || state.task === null) return links;
    const own = links.filter(([row, column]) => giverOf(row) === state.task || chart.columns[column] === state.task);
    return own.length ? own : links;
  };
  const draw = (width) => {
    const own = chosen(), giversOf = totalsAt(own, 0), takersOf = totalsAt(own, 1);
    const givers = leadersOf(giversOf, few ? Infinity : GIVERS, true);
    const takers = leadersOf(takersOf, few ? Infinity : TAKERS, false);
    const shown = together(own, givers, takers);
    const nameOf = (names, place, all, some) =>
      place === OTHERS ? plural(all.size - some.length, "other task") : names[place];
    const giver = (place) => nameOf(chart.rows, place, giversOf, givers);
    const taker = (place) => nameOf(chart.columns, place, takersOf, takers);
    if (givers.length < giversOf.size) givers.push(OTHERS);
    if (takers.length < takersOf.size) takers.push(OTHERS);
    const unit = Math.max(1.2, Math.min(9, 420 / Math.max(1, shown.reduce((all, link) => all + link[2], 0))));
    const place = (names, at) => {
      const found = new Map(), totals = totalsAt(shown, at);
      let y = 8;
      for (const name of names) {
        const tall = Math.max(14, unit * totals.get(name));
        found.set(name, { y, tall, used: 0, total: totals.get(name) });
        y += tall + 8;
      }
      return [found, y];
    };
    const [left, leftEnd] = place(givers, 0), [right, rightEnd] = place(takers, 1);
    const height = Math.max(leftEnd, rightEnd, 60), edge = Math.min(130, 0.3 * width);
    const says = ([a, b, layers]) => `${taker(b)} ${b === OTHERS ? "use" : "uses"} ${plural(layers, "layer")} of ${giver(a)}`;
    const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0,
      "aria-label": `Knowledge flow. ${shown.slice(0, 10).map(says).join("; ")}.` });
    const marks = [], related = [new Map(), new Map()];
    const byPlace = new Map(shown.map((link) => [`${link[0]} ${link[1]}`, link]));
    for (const to of takers) for (const from of givers) {
      const link = byPlace.get(`${from} ${to}`);
      if (!link) continue;
      const a = left.get(from), b = right.get(to), thick = unit * link[2];
      const ay = a.y + a.used + thick / 2, by = b.y + b.used + thick / 2, middle = width / 2;
      a.used += thick;
      b.used += thick;
      const task = to === OTHERS ? null : chart.columns[to], owner = from === OTHERS ? null : giverOf(from);
      drawing.append(svg("path", { class: "curve", "stroke-width": Math.max(1.2, thick - 0.6), opacity: 0.65, "data-task": task ?? "", "data-giver": owner, "data-choose": task, "data-tip": says(link),
        style: `stroke-linecap:butt;stroke:${colourOf(system, owner)}`,
        d: `M${edge},${ay}C${middle},${ay} ${middle},${by} ${width - edge},${by}` }));
      marks.push({ x: middle, y: (ay + by) / 2, tip: says(link), task });
      for (const [side, here, other] of [[0, from, task], [1, to, owner]]) {
        related[side].set(here, (related[side].get(here) || new Set()).add(other));
      }
    }
    const letters = Math.floor((edge - 14) / 6.8);
    for (const [side, places, name, taskOf, x, anchor] of [
      [0, left, giver, giverOf, edge - 8, "end"],
      [1, right, taker, (column) => chart.columns[column], width - edge + 8, "start"]]) {
      for (const [here, at] of places) {
        const task = here === OTHERS ? null : taskOf(here);
        const tip = `${name(here)}\n${side ? "uses" : "gives"} ${plural(at.total, "layer")}`;
        const text = svg("text", { x, y: at.y + at.tall / 2 + 4, "text-anchor": anchor, "data-task": task ?? "", "data-choose": task, "data-tip": tip },
          shorten(name(here), letters));
        // A helper and whom it helped light up with the selected task, as their band does.
        text.serves = (selected) => related[side].get(here).has(selected);
        drawing.append(text);
      }
    }
    return withKeys(drawing, marks);
  };
  const box = plotBox(120, draw);
  if (!few) follow((change) => "task" in change && box.isConnected && box.drawnAt && box.draw());
  return html("figure", { id: "chart-bands", class: isWide(chart) ? "wide" : null }, html("h3", {}, "Who helps whom"),
    html("figcaption", {}, `On the left who made layers, on the right who uses them as they are; a band is as wide as they are many.${
      few ? "" : ` Those who help most stand first; of many the small ones are one band, “other tasks”. Of a selected task only its own of the ${links.length} bands.`}`),
    links.length ? box : html("p", { class: "quiet" }, "No task uses another's layers."));
}
