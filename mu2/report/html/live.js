// The live page: asks for the data again whenever the server tells of a commit.

function goLive() {
  let pending = false, again = false, shown = null, connected = true, fault = null, agents = [];
  const tell = () => {
    document.querySelector("#agents")?.remove();
    const above = document.querySelector("#standing") ?? document.querySelector("#waiting");
    if (above && agents.length) {
      above.after(html("ul", { class: "quiet", id: "agents", "aria-label": "agents" },
        agents.map((line) => html("li", {}, line))));
    }
    const box = document.querySelector("#live");
    if (!box) return;
    box.classList.toggle("lost", !connected || fault !== null);
    box.textContent = !connected ? "○ no connection; trying again"
      : fault !== null ? `○ ${fault}` : `● live, commit ${shown === null ? "–" : Number(shown.split("-")[0])}`;
  };
  const refresh = async () => {
    if (pending) {
      again = true;
      return;
    }
    pending = true;
    try {
      const answer = await fetch("data.json");
      if (answer.status === 200) {
        const report = await answer.json();
        shown = answer.headers.get("X-Commit");
        fault = null;
        renew(report);
      } else if (answer.status === 503) {
        fault = (await answer.json()).fault;
      }
    } catch {
      connected = false; // the stream notices when it is back
    }
    pending = false;
    tell();
    if (again) {
      again = false;
      refresh();
    }
  };
  document.body.replaceChildren(
    html("header", { class: "bar" }, html("strong", {}, "mu2"), html("span", { id: "live", class: "live", role: "status" })),
    html("main", {}, html("p", { class: "quiet", id: "waiting" }, "There is no commit yet. The page begins by itself.")),
    tip);
  whenDrawn = tell;
  const events = new EventSource("events");
  events.onmessage = (event) => {
    connected = true;
    if (event.data) refresh();
    tell();
  };
  events.addEventListener("agents", (event) => {
    agents = JSON.parse(event.data);
    tell();
  });
  events.onopen = () => {
    connected = true;
    tell();
  };
  events.onerror = () => {
    connected = false;
    tell();
  };
  tell();
}

// Draws the page anew where the reader is: what was drawn, opened and scrolled to stays so.
function renew(report) {
  const place = scrollY;
  const drawn = [...document.querySelectorAll(".plot")].filter((plot) => plot.drawnAt).map((plot) => plot.dataset.kind);
  const open = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
  const graph = document.querySelector("#graph"), down = graph ? graph.scrollTop : 0;
  boot(report);
  for (const plot of document.querySelectorAll(".plot")) {
    if (plot.draw && drawn.includes(plot.dataset.kind)) plot.draw();
  }
  for (const id of open) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  if (state.child !== null) choose({ child: state.child });
  requestAnimationFrame(() => {
    const box = document.querySelector("#graph");
    if (box) box.scrollTop = down;
    scrollTo(0, place);
  });
}
