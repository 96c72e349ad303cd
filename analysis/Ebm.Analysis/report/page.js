// The interaction of the report: sorts and filters its tables, opens a run's page, makes figures interactive if Plotly is included, and
// switches between light and dark. It uses no network, stores nothing, and writes data only as text.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const data = id => { const block = document.getElementById(id); return block ? JSON.parse(block.textContent) : null; };
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
  };

  // ── tables ──
  const value = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.value;
    return number === undefined ? cell.textContent.trim() : number === "" ? null : Number(number);
  };
  const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  const tables = "table.sortable, table.results";
  const prepare = (table, before) => {
    const body = table.tBodies[0];
    const headings = all("thead th", table);
    const sort = (heading, down) => {
      const column = heading.cellIndex;
      headings.forEach(other => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...body.rows].map((row, i) => [value(row, column), i, row]);
      // Rows without a value come last in both directions.
      keyed.sort(([a, i], [b, j]) => a === null || b === null ? (a === null) - (b === null) || i - j : (down ? order(b, a) : order(a, b)) || i - j);
      body.append(...keyed.map(([, , row]) => row));
    };
    headings.forEach(heading => {
      const button = make("button", { type: "button" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(heading, heading.getAttribute("aria-sort") === "ascending"));
    });
    // A table that takes the place of another is sorted alike.
    const sorted = before ? all("thead th", before).findIndex(heading => heading.hasAttribute("aria-sort")) : -1;
    if (headings[sorted]) sort(headings[sorted], all("thead th", before)[sorted].getAttribute("aria-sort") === "descending");
    const tools = document.getElementById(table.closest("[data-tools]")?.dataset.tools || "");
    if (!tools || table.classList.contains("versus")) return;
    const [input, choice, count] = [one("input", tools), one("select", tools), one("output", tools)];
    table.filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(word => word);
      const rows = [...body.rows];
      for (const row of rows) {
        const text = words.length ? row.textContent.toLowerCase() : "";
        row.hidden = !(words.every(word => text.includes(word)) && (!choice || !choice.value || row.dataset.state === choice.value));
      }
      const shown = rows.filter(row => !row.hidden).length;
      const says = rows.length === 1 ? "row" : "rows";
      count.textContent = shown === rows.length ? `${shown} ${says}` : `${shown} of ${rows.length} ${says}`;
    };
    input.oninput = table.filter;
    if (choice) choice.onchange = table.filter;
    tools.hidden = false;
    table.filter();
  };
  for (const table of all(tables)) prepare(table);
  // The script of a live page replaces parts, and says so.
  document.addEventListener("renewed", ({ detail: { old, fresh } }) => {
    const before = all(tables, old);
    all(tables, fresh).forEach((table, i) => prepare(table, before[i]));
    fresh.closest("table")?.filter?.();
  });

  // ── a run's page ──
  const runs = data("run-data");
  const page = document.getElementById("run");
  const cells = (tag, texts, kinds = []) => make("tr", {}, ...texts.map((text, i) => make(tag, { className: kinds[i] || "text" }, text)));
  const list = (headings, rows, kinds) => make("div", { className: "scroll" },
    make("table", {}, make("thead", {}, cells("th", headings, kinds)), make("tbody", {}, ...rows)));
  const open = id => {
    if (!page) return;
    const run = runs && runs.runs.find(run => run.id === id);
    page.hidden = !run;
    if (!run) return;
    const metrics = run.values.map(([index, value, se]) => {
      const [name, unit, better, protocol] = runs.metrics[index];
      return cells("td", [name, typeof value === "number" ? String(Number(value.toPrecision(7))) : value, se === undefined ? "" : "± " + se, unit, better === "none" ? "" : better, protocol], ["text", "", "", "text", "text", "text"]);
    });
    const config = { ...runs.constant, ...runs.groups[run.group], ...run.config };
    const origins = { ...runs.origins[run.group], ...run.origins };
    const told = Object.keys(origins).length > 0;
    const settings = Object.keys(config).sort().map(key => {
      const row = cells("td", [key, config[key], origins[key] || ""], ["text", "text wrap", "text wrap from"]);
      if (!(key in runs.constant)) row.className = "varies";
      return row;
    });
    const facts = make("dl", {}, ...run.facts.flatMap(([name, says]) => [make("dt", {}, name), make("dd", { dir: "auto" }, says)]));
    page.replaceChildren(...[
      make("div", { className: "head" }, make("h3", { dir: "auto" }, run.id), make("span", { className: "state " + run.state }, run.state),
        make("button", { type: "button", className: "close", onclick: () => { history.replaceState(null, "", "#runs"); page.hidden = true; document.getElementById("runs").focus(); } }, "Close")),
      facts,
      make("h4", {}, "Is it the sampler or the model?"),
      list(["check", "blames", "finding", "evidence", "try"], run.diagnosis.map(found => cells("td", found, ["text", "text", "text wrap", "text wrap", "text wrap"])), ["text", "text", "text", "text", "text"]),
      make("div", { className: "columns" },
        make("div", {}, make("h4", {}, "Metrics"), list(["metric", "value", "s.e.", "unit", "better", "protocol"], metrics, ["text", "", "", "text", "text", "text"])),
        make("div", {}, make("h4", {}, "Configuration; bold is what differs between runs"), list(told ? ["key", "value", "from"] : ["key", "value"], told ? settings : settings.map(row => (row.lastChild.remove(), row)), []))),
      ...(run.log ? [make("h4", {}, "The end of its log"), make("pre", {}, run.log)] : [])]);
    page.scrollIntoView({ block: "start" });
    one(".close", page).focus({ preventScroll: true });
  };
  const follow = () => { if (location.hash.startsWith("#run=")) open(decodeURIComponent(location.hash.slice(5))); };
  addEventListener("hashchange", follow);
  addEventListener("keydown", event => { if (event.key === "Escape" && page && !page.hidden) one(".close", page).click(); });
  follow();

  // ── light and dark ──
  const theme = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme.dataset.now) + 1) % themes.length];
    theme.dataset.now = next;
    theme.textContent = "Colours: " + next;
    if (next === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = next;
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());

  // ── figures that answer ──
  const live = new Set();
  const coarse = new Set(all(".pictures .pixels").map(picture => picture.getAttribute("href")));
  const coloured = node => {
    const style = getComputedStyle(document.documentElement);
    const colour = text => {
      if (text.startsWith("#r") && document.getElementById(text.slice(1))) return document.getElementById(text.slice(1)).getAttribute("href");
      // A span with a colour. A name cannot imitate it, because its < is &lt; here.
      if (!text.startsWith("@")) return text.replace(/<span style="color:(@\w+)">/g, (_, name) => `<span style="color:${colour(name)}">`);
      const [name, opacity] = text.slice(1).split("/");
      const hex = style.getPropertyValue("--" + name).trim();
      const part = at => parseInt(hex.slice(at, at + 2), 16);
      return opacity ? `rgba(${part(1)},${part(3)},${part(5)},${opacity})` : hex;
    };
    const walk = node => typeof node === "string" ? colour(node) : Array.isArray(node) ? node.map(walk)
      : node && typeof node === "object" ? Object.fromEntries(Object.entries(node).map(([key, child]) => [key, walk(child)])) : node;
    return walk(node);
  };
  const draw = figure => {
    const plot = one(".plot", figure);
    const { data: traces, layout } = coloured(data("plot-" + figure.id));
    // Plotly's buttons have their own line above the panels' titles.
    const bar = 26;
    layout.height += bar;
    layout.margin.t += bar;
    const drawn = Plotly.react(plot, traces, layout, { displaylogo: false, responsive: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] });
    // Plotly smooths every picture, so pixelated ones need a style.
    const sharpen = () => all("image", plot).filter(picture => coarse.has(picture.href.baseVal)).forEach(picture => picture.classList.add("pixels"));
    plot.removeAllListeners("plotly_afterplot").on("plotly_afterplot", sharpen);
    return drawn.then(sharpen);
  };
  const redraw = () => { for (const figure of live) draw(figure); };
  if (window.Plotly)
    for (const figure of all("figure[data-plot]")) {
      const button = make("button", { type: "button" }, "Interactive");
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        const on = figure.classList.toggle("live");
        button.setAttribute("aria-pressed", String(on));
        button.textContent = on ? "Static" : "Interactive";
        if (on) live.add(figure), draw(figure); else live.delete(figure);
      });
      one(".head", figure).append(button);
      // A plot has a minimum width; in a narrower window, the panels are shown first.
      if (figure.dataset.plot === "at-once" && data("plot-" + figure.id).layout.width <= figure.clientWidth) button.click();
    }
})();
