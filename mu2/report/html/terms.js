// What the page's words mean: said where a heading is pointed at, and all together in a list.

const TERMS = {
  "validation accuracy": "Share of the validation examples that are classified right. Children are chosen by it.",
  "test accuracy": "Share of the test examples that are classified right. Nothing is chosen by it.",
  "quality": "The best validation accuracy of a child over its intervals.",
  "score": "Quality with a decay for size or compute, where the run sets one; otherwise quality. The best score wins.",
  "to reach": "The score that a child had to reach to be kept: its parent's, if that is a path of the same task; otherwise any would do.",
  "outcome": "Won: the best score when its task iteration ended. Kept for a while: it could be a parent until then. Dropped: it did not reach its parent's score, or a cap took better ones.",
  "comes from": "The task whose path was the first ancestor that is not the task's own; root: none was.",
  "layers reused": "Layers of the path that the task did not make itself: it uses those of a root or of other tasks as they are.",
  "of": "Layers of the path.",
  "parameters": "Of the roots and of all tasks' paths, each layer counted once.",
  "parameters a task": "Parameters of all tasks' paths, each layer counted once, divided by the number of tasks.",
  "parameters added": "Parameters of those layers of the path that the task made itself.",
  "accounted": "Accounted parameters: each layer of the path divided by the number of tasks that use it.",
  "share of system": "Parameters that a pass through the task's path uses, as a share of all. Shared layers count for each task, so that the shares sum to more than 100%.",
  "time": "Wall time of the children. Those that are trained together share theirs equally, whatever each of them cost: operations tell them apart.",
  "operations": "Floating-point operations (FLOP) that the children's training took.",
  "name of a path": "task/iteration/child, each number counted from 0: greek/0/4 is the fifth child of the first iteration of greek.",
  "outline": "In the graph: a layer that was made in the commit that the slider shows.",
};
const SAME = {
  "validation": "validation accuracy", "test": "test accuracy", "mean test accuracy": "test accuracy",
  "share of the system": "share of system", "training time": "time", "parent": "name of a path", "child": "name of a path",
};

const meaningOf = (name) => TERMS[SAME[name] ?? name] ?? null;

// A table's heading, which says what it means.
const heading = (name, attributes, ...inside) =>
  html("th", { scope: "col", "data-tip": meaningOf(name), ...attributes }, inside.length ? inside : name);

// A tile: a value above its name.
const tile = ([name, value]) =>
  html("div", { "data-tip": meaningOf(name) }, html("b", {}, value), html("span", {}, name));

const termList = () => html("details", { id: "terms" },
  html("summary", {}, "What the words mean"),
  html("dl", {}, Object.entries(TERMS).map(([name, meaning]) => [html("dt", {}, name), html("dd", {}, meaning)])));
