// Charts from plain data (charts.py): lines, points, bars and heat maps, drawn when first seen.

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        if (!entry.target.drawnAt) entry.target.draw();
      }
    }
  },
  { rootMargin: "400px" },
);
const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (target.drawnAt && Math.abs(target.drawnAt - contentRect.width) > 8) target.draw();
  }
});
addEventListener("beforeprint", () => {
  for (const plot of document.querySelectorAll(".plot")) if (plot.draw && !plot.drawnAt) plot.draw();
});

// A box that draws itself when it comes into view, and again when its width or theme changes.
function plotBox(height, draw) {
  const box = html("div", { class: "plot", style: `min-height:${height}px` });
  box.draw = () => {
    const width = Math.max(240, box.clientWidth || 400);
    box.drawnAt = width;
    box.replaceChildren(draw(width));
    light(box);
  };
  seen.observe(box);
  resized.observe(box);
  return box;
}

// The same data as a table, made when it is opened.
function asTable(head, rows) {
  const details = html("details", {}, html("summary", {}, "as a table"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const all = rows(), shown = all.slice(0, 400), total = all.total || all.length;
    const body = shown.map((row) => html("tr", {}, row.map((cell) => html("td", {}, cell))));
    details.append(
      html("div", { class: "scroll", tabindex: 0 },
        html("table", {},
          html("thead", {}, html("tr", {}, head.map((cell) => html("th", { scope: "col" }, cell)))),
          html("tbody", {}, body))),
      total > shown.length ? html("p", { class: "quiet" }, `The first 400 of ${total}.`) : [],
    );
  });
  return details;
}

// A map of so many named columns has the page's whole width.
const isWide = (chart) => chart.columns.length > 24 && chart.columns.length <= 60;

function figureOf(system, chart) {
  const matrix = chart.shape === "matrix";
  const bars = chart.shape === "bars" && chart.x.ticks.length > 12;
  const plot = matrix
    ? plotBox(140, (width) => drawMatrix(system, chart, width))
    : plotBox(bars ? 200 : 230, (width) =>
        bars ? drawLongBars(system, chart, width) : drawChart(system, chart, width));
  plot.dataset.kind = chart.kind;
  plot.classList.toggle("map", matrix);
  return html("figure", { class: matrix && isWide(chart) ? "wide" : null, id: `chart-${chart.kind}` },
    html("h3", {}, chart.title),
    html("figcaption", {}, chart.caption),
    matrix ? [] : keyOf(system, chart),
    plot,
    matrix ? matrixTable(chart) : chartTable(chart));
}

const DASHES = ["", "6 4", "2 4", "9 3 2 3"];

function colourOfSeries(system, chart, number) {
  const series = chart.series[number];
  if (series.tone === "faint") return "var(--faint)";
  if (series.tasks.length === 1) return colourOf(system, series.tasks[0]);
  const few = system.few[isDark() ? "dark" : "light"];
  return few[number % few.length];
}

// Lines that a key tells apart differ in their dashes as well as in colour.
const dashOf = (chart, number) =>
  chart.series.length <= 12 && chart.kind !== "curves" && chart.series[number].tone === "plain"
    ? DASHES[number % DASHES.length] : null;

function keyOf(system, chart) {
  if (chart.series.length < 2 || chart.series.length > 12 || chart.shape === "bars") return [];
  if (chart.kind === "curves") return [];
  const dots = chart.shape === "points";
  return html("div", { class: "key" }, chart.series.map((series, number) =>
    html("span", {},
      series.mark === "cross" ? svg("svg", { width: 12, height: 12, "aria-hidden": true },
        svg("path", { class: "curve", d: "M2,2l8,8m0,-8l-8,8", "stroke-width": 2, style: "stroke:var(--mark)" }))
      : dots || series.mark ? html("i", { class: series.tone === "strong" && dots ? "dot ring" : "dot", style: `--dot:${colourOfSeries(system, chart, number)};background:var(--dot)`, "aria-hidden": true })
        : svg("svg", { width: 22, height: 8, "aria-hidden": true },
        svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, "stroke-width": 2.5,
          style: `stroke:${colourOfSeries(system, chart, number)}`,
          "stroke-dasharray": dashOf(chart, number) })),
      series.name)));
}

function chartTable(chart) {
  const head = [chart.x.label, ...chart.series.map((series) => series.name)];
  return asTable(chart.series.length > 12 ? ["series", chart.x.label, chart.y.label] : head, () => {
    const name = (x) => chart.x.ticks[x] ?? say(x, chart.x.unit);
    if (chart.series.length > 12 || chart.shape === "points") {
      return chart.series.flatMap((series) => series.x.map((x, i) =>
        [series.tasks[i] || series.name, name(x), say(series.y[i], chart.y.unit)]));
    }
    const all = [...new Set(chart.series.flatMap((series) => series.x))].sort((a, b) => a - b);
    return all.map((x) => [name(x), ...chart.series.map((series) => {
      const at = series.x.indexOf(x);
      return at < 0 ? "–" : say(series.y[at], chart.y.unit);
    })]);
  });
}

// ---- scales ----

function niceTicks(low, high, wanted) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) * power;
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step) {
    ticks.push(Math.abs(tick) < step * 1e-9 ? 0 : tick);
  }
  return ticks;
}

function scaleOf(axis, values, from, to, fromZero) {
  let low = Math.min(...values), high = Math.max(...values);
  if (!values.length) [low, high] = [0, 1];
  if (axis.log) {
    const [a, b] = low < high ? [Math.log10(low), Math.log10(high)] : [Math.log10(low) - 0.3, Math.log10(high) + 0.3];
    const pad = 0.06 * (b - a), start = a - pad, end = b + pad;
    let ticks = [];
    for (let power = Math.floor(start); power <= end; power++) {
      for (const digit of [1, 2, 5]) ticks.push(Number((digit * 10 ** power).toPrecision(3)));
    }
    ticks = ticks.filter((tick) => Math.log10(tick) >= start && Math.log10(tick) <= end);
    if (ticks.length > 7) ticks = ticks.filter((tick) => Number.isInteger(Math.round(1e6 * Math.log10(tick)) / 1e6));
    return { map: (value) => from + ((Math.log10(value) - start) / (end - start)) * (to - from), ticks };
  }
  if (fromZero) low = Math.min(0, low);
  if (low === high) [low, high] = [low - (low ? 0.5 * Math.abs(low) : 0.5), high + (high ? 0.5 * Math.abs(high) : 0.5)];
  const wanted = Math.max(2, Math.floor(Math.abs(to - from) / (fromZero === null ? 55 : 45)));
  let ticks = axis.ticks.length ? axis.ticks.map((_, place) => place) : niceTicks(low, high, wanted);
  if (!axis.ticks.length) {
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
    if (fromZero !== null) {
      low = Math.floor(low / step + 1e-9) * step;
      high = Math.ceil(high / step - 1e-9) * step;
      if (axis.unit === "percent") high = Math.min(Math.max(high, low + step), Math.max(1, low + step));
      ticks = niceTicks(low, high, wanted);
    }
    if (axis.unit === "count") ticks = ticks.filter((tick) => Number.isInteger(tick));
  } else if (fromZero === null) {
    [low, high] = [-0.5, axis.ticks.length - 0.5];
  }
  return { map: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

const tickText = (axis, tick) => {
  if (axis.ticks.length) return axis.ticks[tick];
  if (axis.unit === "percent") return `${Math.round(1000 * tick) / 10}%`;
  if (axis.unit === "flops") return scaled(tick, FLOPS).replace(/\.0+(?=\D|$)/, "").replace("FLOP", "");
  if (axis.unit === "count") return scaled(tick, COUNTS).replace(/\.0+(?=\D|$)/, "");
  return say(tick, axis.unit);
};

// ---- lines, points, few bars ----

function drawChart(system, chart, width) {
  const bars = chart.shape === "bars", points = chart.shape === "points";
  const height = Math.min(330, Math.max(230, width * 0.56));
  const all = chart.series.flatMap((series) =>
    series.x.map((x, i) => [x, series.y[i]]).filter(([, y]) => known(y)));
  const longest = Math.max(...chart.y.ticks.map((tick) => tick.length), 0);
  const left = chart.y.ticks.length ? Math.min(160, 14 + 7 * longest) : 56;
  const edge = { left, right: width - 14, top: 10, bottom: height - 42 };
  const y = scaleOf(chart.y, all.map((each) => each[1]), edge.bottom, edge.top,
    bars || chart.y.unit === "seconds" || (chart.y.unit === "count" && !chart.y.log));
  const x = scaleOf(chart.x, all.map((each) => each[0]), edge.left + 8, edge.right - 8, null);
  const drawing = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img",
    "aria-label": `${chart.title}. ${summaryOf(chart)} Arrow keys go from point to point.`,
  });
  for (const tick of y.ticks) {
    const at = y.map(tick);
    drawing.append(
      svg("line", { class: "axis", x1: edge.left, x2: edge.right, y1: at, y2: at }),
      svg("text", { class: "quiet", x: edge.left - 6, y: at + 4, "text-anchor": "end" },
        shorten(tickText(chart.y, tick), 22)));
  }
  const room = (edge.right - edge.left) / Math.max(1, x.ticks.length);
  const every = Math.ceil((8 * Math.max(...x.ticks.map((tick) => tickText(chart.x, tick).length), 1)) / Math.max(8, room));
  x.ticks.forEach((tick, place) => {
    if (place % every) return;
    const at = x.map(tick);
    drawing.append(
      svg("line", { class: "axis", x1: at, x2: at, y1: edge.bottom, y2: edge.bottom + 4 }),
      svg("text", { class: "quiet", x: at, y: edge.bottom + 17, "text-anchor": "middle" },
        tickText(chart.x, tick)));
  });
  drawing.append(
    svg("line", { class: "axis", x1: edge.left, x2: edge.right, y1: edge.bottom, y2: edge.bottom }),
    svg("text", { class: "quiet", x: (edge.left + edge.right) / 2, y: height - 6, "text-anchor": "middle" }, chart.x.label));
  const marks = [];
  const order = { faint: 0, plain: 1, strong: 2 };
  const drawn = chart.series.map((series, number) => [series, number])
    .sort((a, b) => order[a[0].tone] - order[b[0].tone]);
  for (const [series, number] of drawn) {
    const colour = colourOfSeries(system, chart, number);
    const places = series.x.map((at, i) => ({
      x: x.map(at), y: known(series.y[i]) ? y.map(series.y[i]) : null,
      task: series.tasks.length > 1 ? series.tasks[i] : series.tasks[0],
      tip: tipOf(chart, series, i), child: series.children ? series.children[series.children.length > 1 ? i : 0] : undefined,
    })).filter((place) => place.y !== null);
    if (bars) {
      const wide = Math.max(2, Math.min(48, 0.72 * room));
      for (const place of places) {
        drawing.append(svg("rect", {
          x: place.x - wide / 2, width: wide, y: place.y, height: Math.max(0, edge.bottom - place.y), rx: 2,
          style: `fill:${place.task ? colourOf(system, place.task) : colour}`,
          "data-tip": place.tip, "data-task": place.task, "data-choose": place.task,
        }));
      }
    } else if (!points && !series.mark) {
      const one = series.tasks.length === 1 ? series.tasks[0] : null;
      drawing.append(svg("path", {
        class: "curve", d: lineThrough(places, chart.shape === "steps"),
        style: `stroke:${colour}`, "stroke-width": series.tone === "strong" ? 3 : series.tone === "faint" ? 1.2 : 2,
        "stroke-dasharray": dashOf(chart, number),
        "data-task": one,
      }));
    }
    if (!bars && (points || all.length <= 400)) {
      for (const place of places) {
        const tone = series.tone;
        drawing.append(svg(series.mark === "cross" ? "path" : "circle", {
          ...(series.mark === "cross"
            ? { d: `M${place.x - 4},${place.y - 4}l8,8m0,-8l-8,8`, "stroke-width": 2, class: "curve" }
            : { cx: place.x, cy: place.y, r: points ? (tone === "strong" ? 6 : 4.5) : tone === "strong" ? 3.4 : 2.4 }),
          style: series.mark === "cross" ? "stroke:var(--mark)"
            : `${points && tone === "strong" && series.children ? "stroke:var(--mark);stroke-width:1.6;" : ""}fill:${points && place.task && tone !== "faint" ? colourOf(system, place.task) : colour}`,
          "data-tip": place.tip, "data-task": place.task, "data-choose": series.children ? null : place.task,
          "data-child": place.child,
        }));
      }
    }
    if (points && !series.children && series.tasks.length > 1 && places.length <= 12) {
      for (const place of places) {
        const right = place.x > edge.right - 90;
        drawing.append(svg("text", { x: place.x + (right ? -8 : 8), y: place.y - 6, "text-anchor": right ? "end" : "start",
          "data-task": place.task, "data-choose": place.task }, shorten(place.task, 18)));
      }
    }
    marks.push(...places);
  }
  if (!chart.series.some((series) => series.children)) marks.sort((a, b) => a.x - b.x);
  return withKeys(drawing, marks);
}

function lineThrough(places, steps) {
  return places.map((place, i) => {
    if (!i) return `M${place.x.toFixed(1)},${place.y.toFixed(1)}`;
    return steps ? `H${place.x.toFixed(1)}V${place.y.toFixed(1)}` : `L${place.x.toFixed(1)},${place.y.toFixed(1)}`;
  }).join("");
}

function tipOf(chart, series, i) {
  const task = series.tasks.length > 1 ? series.tasks[i] : series.name;
  const at = chart.x.ticks[series.x[i]] ?? say(series.x[i], chart.x.unit);
  const value = chart.y.ticks[series.y[i]] ?? say(series.y[i], chart.y.unit);
  const note = series.notes ? `\n${series.notes[i]}` : "";
  return `${task}\n${chart.x.label}: ${at}\n${chart.y.label}: ${value}${note}`;
}

function summaryOf(chart) {
  const last = chart.series.filter((series) => series.y.length).slice(0, 3).map((series) => {
    const value = series.y[series.y.length - 1];
    return `${series.name}: ${series.y.length} values, the last ${say(value, chart.y.unit)}`;
  });
  return `${chart.caption} ${last.join("; ")}.`;
}

// The middle of a long name goes: names that begin alike differ at their ends.
function shorten(text, letters) {
  const signs = [...text], end = Math.floor((letters - 1) * 0.4);
  if (signs.length <= letters) return text;
  return `${signs.slice(0, letters - 1 - end).join("")}…${signs.slice(signs.length - end).join("")}`;
}

// Arrow keys move a cursor over a drawing's marks; Enter selects the task under it.
function withKeys(drawing, marks) {
  let here = -1;
  const cursor = svg("circle", { class: "cursor", r: 7, visibility: "hidden" });
  drawing.append(cursor);
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && marks.length) {
      here = (here + step + marks.length) % marks.length;
      const mark = marks[here], box = drawing.getBoundingClientRect();
      fill(cursor, { cx: mark.x, cy: mark.y, visibility: "visible" }, []);
      showTip(mark.tip, box.left + mark.x, box.top + mark.y);
      event.preventDefault();
    } else if (event.key === "Enter" && here >= 0) {
      const mark = marks[here];
      if (mark.child !== undefined) choose({ child: mark.child });
      else if (mark.task) choose({ task: mark.task });
    }
  });
  drawing.addEventListener("blur", () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  });
  return drawing;
}

// ---- many bars: one a line, in a box that scrolls ----

function drawLongBars(system, chart, width) {
  const series = chart.series[0], line = 18;
  const longest = Math.max(...chart.x.ticks.map((tick) => tick.length));
  const left = Math.min(0.38 * width, 20 + 6.6 * longest), most = Math.max(...series.y, 1e-12);
  const height = line * series.y.length + 6;
  const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img",
    "aria-label": `${chart.title}. ${chart.caption}` });
  const marks = series.y.map((value, i) => {
    const long = Math.max(1, ((width - left - 74) * value) / most), task = series.tasks[i];
    const mark = { x: left + long, y: i * line + 9, task, tip: tipOf(chart, series, i) };
    drawing.append(svg("g", { "data-task": task, "data-choose": task, "data-tip": mark.tip },
      svg("text", { x: left - 6, y: i * line + 13, "text-anchor": "end" },
        shorten(chart.x.ticks[i], Math.floor(left / 6.6))),
      svg("rect", { x: left, y: i * line + 2, width: long, height: line - 5, rx: 2,
        style: `fill:${task ? colourOf(system, task) : "var(--accent)"}` }),
      svg("text", { class: "quiet", x: left + long + 5, y: i * line + 13 }, say(value, chart.y.unit))));
    return mark;
  });
  return withKeys(drawing, marks);
}
