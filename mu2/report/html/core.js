// What all parts of the page share: elements, numbers, packed columns, what is selected.
// Names come from users: they only ever become text nodes and attribute values, never markup.

const NS = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    } else {
      node.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

const html = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(NS, tag), attributes, children);

// ---- numbers in words ----

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

function scaled(value, units) {
  let [unit, size] = units[0];
  for (const each of units) if (Math.abs(value) >= 0.9995 * each[1]) [unit, size] = each;
  const part = value / size;
  const digits = Math.max(0, 3 - String(Math.trunc(Math.abs(part))).length);
  return `${part.toFixed(unit === "" && Number.isInteger(value) ? 0 : digits)}${unit}`;
}

const COUNTS = [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]];
const FLOPS = [
  ["", 1], [" kFLOP", 1e3], [" MFLOP", 1e6], [" GFLOP", 1e9], [" TFLOP", 1e12],
  [" PFLOP", 1e15], [" EFLOP", 1e18],
];

function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const clock = `${two(minutes % 60)}:${two(whole % 60)}`;
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${clock}`;
}

// A share in percent. Seven digits are what all its sources have, packed or not, and a tie goes to the
// even digit as in Python, so that a number reads the same wherever it stands.
function inPercent(share, digits = 1) {
  const percent = 100 * Number(share.toPrecision(7)), steps = percent * 10 ** digits, below = Math.floor(steps);
  if (Number.isInteger(4 * percent) && steps - below === 0.5) return ((below + (below % 2)) / 10 ** digits).toFixed(digits);
  return percent.toFixed(digits);
}

function say(value, unit) {
  if (!known(value)) return "–";
  if (unit === "percent") return `${inPercent(value)}%`;
  if (unit === "seconds") return duration(value);
  if (unit === "flops") return scaled(value, FLOPS);
  if (unit === "count") {
    return Math.abs(value) < 10000 ? String(Math.round(100 * value) / 100) : scaled(value, COUNTS);
  }
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return String(value);
}

const plural = (number, noun, many) => `${number} ${number === 1 ? noun : many || `${noun}s`}`;

// ---- packed columns (see pack.py) ----

const TYPES = {
  u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array,
  f64: Float64Array, share: Uint16Array,
};
const unpacked = new WeakMap();

function unpack(packed) {
  if (!unpacked.has(packed)) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    let array = new TYPES[packed.type](bytes.buffer);
    if (packed.type === "share") {
      array = Float32Array.from(array, (step) => (step === 65535 ? NaN : step / 65534));
    }
    unpacked.set(packed, array);
  }
  return unpacked.get(packed);
}

const choice = (packed, index) => packed.values[unpack(packed)[index]];

function listAt(packed, index) {
  if (!packed.starts) {
    packed.starts = [0];
    for (const length of unpack(packed.lengths)) {
      packed.starts.push(packed.starts[packed.starts.length - 1] + length);
    }
  }
  return unpack(packed.values).subarray(packed.starts[index], packed.starts[index + 1]);
}

function matrixOf(packed) {
  if (!packed.matrix && !packed.lengths) packed.matrix = unpack(packed.values);
  if (!packed.matrix) {
    const lengths = unpack(packed.lengths), values = unpack(packed.values);
    packed.matrix = new Float32Array(packed.rows * packed.columns);
    let at = 0;
    lengths.forEach((length, run) => {
      packed.matrix.fill(values[run], at, at + length);
      at += length;
    });
  }
  return (row, column) => packed.matrix[column * packed.rows + row];
}

// ---- what is selected; everything else follows it ----

const state = { system: 0, commit: null, task: null, layer: null, child: null };
let followers = [];

function follow(act) {
  followers.push(act);
}

function choose(change) {
  Object.assign(state, change);
  if ("task" in change && !("child" in change)) state.child = null;
  const words = [];
  if (state.system) words.push(`system=${state.system}`);
  if (state.task !== null) words.push(`task=${encodeURIComponent(state.task)}`);
  if (state.commit !== null) words.push(`commit=${state.commit}`);
  try {
    history.replaceState(null, "", `#${words.join("&")}`);
  } catch {
    // A page inside another may have no address of its own.
  }
  for (const act of followers) act(change);
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  if (words.has("system")) state.system = Number(words.get("system")) || 0;
  if (words.has("task")) state.task = words.get("task");
  if (words.has("commit")) state.commit = Number(words.get("commit"));
}

const isDark = () => document.documentElement.dataset.theme === "dark";

function colourOf(system, task) {
  if (task === null || task === undefined || task === "root") return "var(--root)";
  const number = system.taskNumbers.get(task);
  if (number === undefined) return "var(--root)";
  return system.colours[isDark() ? "dark" : "light"][number];
}

// What is worked out once from a system's document.
function prepare(system) {
  system.taskNumbers = new Map(system.tasks.map((task, number) => [task.name, number]));
  system.pathNumbers = new Map(system.paths.map((path, number) => [path.id, number]));
  const c = system.components;
  c.names = c.ids.map((id) => id.slice(id.lastIndexOf("/") + 1));
  c.ownerOf = (index) => choice(c.owners, index);
  return system;
}

function childrenOf(system, task) {
  if (!system.childrenByTask) {
    system.childrenByTask = system.tasks.map(() => []);
    unpack(system.children.task).forEach((number, child) => {
      if (number < system.tasks.length) system.childrenByTask[number].push(child);
    });
  }
  return system.childrenByTask[system.taskNumbers.get(task)] || [];
}

function childTask(system, index) {
  const number = unpack(system.children.task)[index];
  return number < system.tasks.length
    ? system.tasks[number].name
    : system.children.others[number - system.tasks.length];
}

function childPath(system, index) {
  const c = system.children;
  return `${childTask(system, index)}/${unpack(c.iteration)[index]}/${unpack(c.number)[index]}`;
}

function childOfPath(system, id) {
  if (!system.childByPath) {
    system.childByPath = new Map();
    for (let i = 0; i < system.children.count; i++) system.childByPath.set(childPath(system, i), i);
  }
  return system.childByPath.get(id);
}

// ---- the one tip that says what is under the pointer or the keyboard's mark ----

const tip = html("div", { id: "tip", role: "status", "aria-live": "polite", hidden: true });

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const width = tip.offsetWidth, height = tip.offsetHeight;
  tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${y + 16 + height > innerHeight ? Math.max(4, y - height - 10) : y + 16}px`;
}

const hideTip = () => {
  tip.hidden = true;
};

function followPointer(root) {
  root.addEventListener("pointerover", (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    if (mark) showTip(mark.dataset.tip, event.clientX, event.clientY);
    else if (!event.target.closest("canvas")) hideTip();
  });
  root.addEventListener("click", (event) => {
    const child = event.target.closest("[data-child]");
    if (child) choose({ child: Number(child.dataset.child) });
    const mark = event.target.closest("[data-choose]");
    if (mark) choose({ task: mark.dataset.choose });
  });
  addEventListener("scroll", hideTip, { passive: true, capture: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
}

// Lights up what belongs to the selected task within a drawing.
function light(drawing) {
  const marks = drawing.querySelectorAll("[data-task]");
  let any = false;
  for (const mark of marks) {
    const lit = state.task !== null && (mark.dataset.task === state.task || mark.dataset.giver === state.task ||
      Boolean(mark.serves && mark.serves(state.task)));
    mark.classList.toggle("lit", lit);
    any = any || lit;
  }
  drawing.classList.toggle("some-lit", any);
}

const taskButton = (system, task, text) =>
  html(
    "button",
    { type: "button", class: "task", "data-choose": task, "data-task": task },
    html("i", { class: "dot", style: `background:${colourOf(system, task)}`, "aria-hidden": true }),
    text || task,
  );
