// Heat maps on a canvas: a million cells draw at once.

function cividis(system, share) {
  // The darkest would not be seen on a dark ground.
  const seen = isDark() ? 0.25 + 0.75 * share : share;
  const stops = system.cividis, place = Math.max(0, Math.min(1, seen)) * (stops.length - 1);
  const before = Math.min(Math.floor(place), stops.length - 2), mix = place - before;
  return [1, 3, 5].map((i) => {
    const [a, b] = [stops[before], stops[before + 1]].map((stop) => parseInt(stop.slice(i, i + 2), 16));
    return Math.round(a + (b - a) * mix);
  });
}

function drawMatrix(system, chart, width) {
  const { rows, columns } = chart, value = matrixOf(chart.values);
  const values = (chart.values.values ? unpack(chart.values.values) : chart.values.matrix).filter(known);
  const rare = chart.kind === "confusion"; // what one looks for: its colours go with the square root
  const low = rare ? 0 : chart.unit === "percent" ? values.reduce((a, b) => Math.min(a, b), 1) : 1;
  const high = values.reduce((a, b) => Math.max(a, b), chart.unit === "percent" ? 0 : 1);
  const longest = (names) => names.reduce((most, name) => Math.max(most, name.length), 0);
  const labelled = Math.max(rows.length, columns.length) <= 60;
  const left = labelled ? Math.min(0.34 * width, 12 + 6.8 * longest(rows)) : 16;
  const top = labelled ? Math.min(130, 14 + 5.2 * longest(columns)) : 16;
  const fit = (width - left - (labelled ? 46 : 10)) / Math.max(1, columns.length);
  const cell = labelled ? Math.max(13, Math.min(44, fit)) : Math.max(0.5, Math.min(12, fit));
  const tall = labelled ? Math.min(cell, rows.length > 24 ? 14 : 30) : cell;
  const size = { width: Math.max(150, cell * columns.length + (labelled ? 30 : 2)), height: top + tall * rows.length + 34 };
  const ratio = Math.min(2, devicePixelRatio || 1);
  const sized = (wide) => ({ width: Math.ceil(wide * ratio), height: Math.ceil(size.height * ratio),
    style: `width:${wide}px;height:${size.height}px` });
  // The names of rows are a drawing of their own, which stays in view when the cells are scrolled.
  const names = html("canvas", { ...sized(left), class: "names", "aria-hidden": true });
  const canvas = html("canvas", {
    ...sized(size.width), tabindex: 0, role: "img",
    "aria-label": `${chart.title}. ${chart.caption} ${rows.length} rows, ${columns.length} columns; ` +
      "arrow keys go from cell to cell, Enter selects the column's task.",
  });
  const share = (each) => {
    const part = high > low ? (each - low) / (high - low) : 1;
    return rare ? Math.sqrt(part) : part;
  };
  const zeros = chart.unit === "count" || rare;
  const blank = (each) => !known(each) || (zeros && each === 0);
  let here = null;
  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name);
    const [g, side] = [canvas, names].map((each) => each.getContext("2d"));
    for (const each of [g, side]) {
      each.setTransform(ratio, 0, 0, ratio, 0, 0);
      each.clearRect(0, 0, Math.max(left, size.width), size.height);
      each.font = "12px system-ui, sans-serif";
    }
    const pixels = new ImageData(Math.max(1, columns.length), Math.max(1, rows.length));
    for (let row = 0; row < rows.length; row++) {
      for (let column = 0; column < columns.length; column++) {
        const each = value(row, column);
        if (blank(each)) continue;
        const at = 4 * (row * columns.length + column);
        pixels.data.set([...cividis(system, share(each)), 255], at);
      }
    }
    const small = document.createElement("canvas");
    small.width = pixels.width;
    small.height = pixels.height;
    small.getContext("2d").putImageData(pixels, 0, 0);
    g.fillStyle = colour("--raised");
    g.fillRect(0, top, cell * columns.length, tall * rows.length);
    g.imageSmoothingEnabled = cell < 1;
    g.drawImage(small, 0, top, cell * columns.length, tall * rows.length);
    const chosen = (name) => state.task !== null && name.replace(/^\d+ /, "") === state.task;
    if (labelled) {
      rows.forEach((name, row) => {
        side.fillStyle = colour(chosen(name) ? "--accent" : "--text");
        side.textAlign = "right";
        side.fillText(shorten(name, Math.floor((left - 8) / 6.7)), left - 6, top + tall * (row + 0.5) + 4);
      });
      columns.forEach((name, column) => {
        g.save();
        g.translate(cell * (column + 0.5) + 2, top - 5);
        g.rotate(-Math.PI / 3.4);
        g.fillStyle = colour(chosen(name) ? "--accent" : "--text");
        g.textAlign = "left";
        g.fillText(shorten(name, 22), 0, 0);
        g.restore();
      });
    }
    if (cell >= 26 && rows.length * columns.length <= 900) {
      g.textAlign = "center";
      g.font = "11px system-ui, sans-serif";
      for (let row = 0; row < rows.length; row++) {
        for (let column = 0; column < columns.length; column++) {
          const each = value(row, column);
          if (blank(each)) continue;
          g.fillStyle = share(each) > 0.55 ? "#000" : "#fff";
          const text = chart.unit === "percent" ? inPercent(each, cell >= 34 ? 1 : 0) : say(each, chart.unit);
          g.fillText(text, cell * (column + 0.5), top + tall * (row + 0.5) + 4);
        }
      }
    }
    drawScale(g, system, colour, size.height - 22, say(low, chart.unit), say(high, chart.unit), zeros && !rare);
    if (here) {
      g.strokeStyle = colour("--mark");
      g.lineWidth = 2;
      g.strokeRect(cell * here[1], top + tall * here[0], cell, tall);
    }
    if (!labelled && state.task !== null) {
      const column = columns.indexOf(state.task);
      g.strokeStyle = colour("--accent");
      if (column >= 0) g.strokeRect(cell * column, top, Math.max(2, cell), tall * rows.length);
    }
  };
  const text = (row, column) =>
    `${chart.row_label} ${rows[row]}\n${chart.column_label} ${columns[column]}\n${say(value(row, column), chart.unit)}`;
  const cellAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / cell);
    const row = Math.floor((event.clientY - box.top - top) / tall);
    return row >= 0 && row < rows.length && column >= 0 && column < columns.length ? [row, column] : null;
  };
  canvas.addEventListener("pointermove", (event) => {
    const at = cellAt(event);
    if (at) showTip(text(...at), event.clientX, event.clientY);
    else hideTip();
  });
  canvas.addEventListener("pointerleave", hideTip);
  const take = (at) => {
    if (at && system.taskNumbers.has(columns[at[1]])) choose({ task: columns[at[1]] });
  };
  canvas.addEventListener("click", (event) => take(cellAt(event)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (step && rows.length && columns.length) {
      const from = here || [0, -step[1] || 0];
      here = [Math.max(0, Math.min(rows.length - 1, from[0] + (here ? step[0] : 0))),
        Math.max(0, Math.min(columns.length - 1, from[1] + step[1]))];
      paint();
      const box = canvas.getBoundingClientRect();
      showTip(text(...here), box.left + cell * here[1], box.top + top + tall * here[0]);
      event.preventDefault();
    } else if (event.key === "Enter") take(here);
  });
  canvas.addEventListener("blur", hideTip);
  canvas.paint = paint;
  paint();
  return html("div", { class: "cells" }, names, canvas);
}

// The colours from the least to the greatest value; `blank`: cells of 0 are left empty, which is said.
function drawScale(g, system, colour, y, low, high, blank) {
  const x = blank ? 26 : 1;
  for (let i = 0; i < 100; i++) {
    g.fillStyle = `rgb(${cividis(system, i / 99).join(",")})`;
    g.fillRect(x + i, y, 1, 8);
  }
  g.font = "11px system-ui, sans-serif";
  g.fillStyle = colour("--quiet");
  g.textAlign = "left";
  g.fillText(low, x, y + 19);
  if (blank) {
    g.strokeStyle = colour("--quiet");
    g.lineWidth = 1;
    g.strokeRect(1.5, y + 0.5, 14, 7);
    g.fillText("0", 5, y + 19);
  }
  g.textAlign = "right";
  if (high !== low) g.fillText(high, x + 100, y + 19);
}

// The greatest values off the diagonal, which is what a reader looks for.
function matrixTable(chart) {
  return asTable([chart.row_label, chart.column_label, "value"], () => {
    const value = matrixOf(chart.values), found = [];
    for (let row = 0; row < chart.rows.length; row++) {
      for (let column = 0; column < chart.columns.length; column++) {
        const each = value(row, column);
        if (known(each) && each !== 0) found.push([row, column, each]);
      }
    }
    if (chart.unit !== "percent") found.sort((a, b) => b[2] - a[2]);
    const shown = found.slice(0, 400).map(([row, column, each]) =>
      [chart.rows[row], chart.columns[column], say(each, chart.unit)]);
    shown.total = found.length;
    return shown;
  });
}
