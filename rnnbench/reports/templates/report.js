"use strict";
(() => {
const data = JSON.parse(document.getElementById("run-data").textContent);
const root = document.documentElement, find = (id) => document.getElementById(id);
const make = (tag, words, attributes = {}) => {
  const node = document.createElement(tag);
  if (words !== undefined) node.textContent = words;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

// theme, kept over a reload of the same tab
const keep = (name, value) => { try { return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value); } catch { return null; } };
if (keep("theme")) root.dataset.theme = keep("theme");
const toggle = find("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
const label = () => { toggle.textContent = isDark() ? "Light" : "Dark"; toggle.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} theme`); };
toggle.hidden = false;
toggle.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; keep("theme", root.dataset.theme); label(); });
dark.addEventListener("change", label);
label();

// a run that goes on: read the file again, unless someone is reading
const live = find("live");
if (live) {
  const pause = find("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true")));
  const busy = () => pause.getAttribute("aria-pressed") === "true" || document.querySelector("tr.detail, details[open]") || find("find")?.value || String(getSelection());
  setInterval(() => { if (!busy()) location.reload(); }, live.dataset.seconds * 1000);
}

// download
const download = find("download");
download.hidden = false;
download.addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 1)], { type: "application/json" }));
  const link = make("a", undefined, { href: url, download: "rnnbench-report.json" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});

const table = find("table");
if (!table) return;
const body = table.tBodies[0], columns = data.columns, said = find("said");
const entries = [...body.rows].map((tr, index) => ({ tr, row: data.rows[index], detail: null, index }));
const raw = (row, column) => {
  if (column.name === "interval") return row.interval[0];
  const value = column.kind === "row" ? row[column.name] : row[column.kind][column.name];
  return value === undefined ? null : value;
};
const shown = () => columns.map((_, place) => place).filter((place) => boxes[place].checked);
const visible = () => entries.filter((entry) => !entry.tr.hidden);
find("tools").hidden = false;

// columns
const boxes = [...document.querySelectorAll(".chooser input")], style = document.head.appendChild(make("style"));
const choose = () => {
  style.textContent = boxes.map((box, place) => box.checked ? "" : `#table tr:not(.detail)>:nth-child(${place + 2}){display:none}`).join("");
};
boxes.forEach((box) => box.addEventListener("change", choose));
choose();

// filters
const selects = [...document.querySelectorAll(".tools select")], search = find("find");
const cell = (entry, place) => entry.tr.cells[place + 1].firstChild.textContent.trim();
const filter = () => {
  const words = search.value.toLowerCase();
  for (const entry of entries) {
    const keep = selects.every((one) => !one.value || cell(entry, +one.dataset.column) === one.value)
      && (!words || `${entry.row.id} ${entry.tr.textContent}`.toLowerCase().includes(words));
    entry.tr.hidden = !keep;
    if (entry.detail) entry.detail.hidden = !keep;
  }
  said.textContent = `${visible().length} of ${entries.length} cases`;
};
selects.forEach((one) => one.addEventListener("change", filter));
search.addEventListener("input", filter);
filter();

// sort: missing values last, whichever way
const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
table.tHead.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const head = button.parentElement, column = columns[+button.dataset.sort];
  const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
  entries.sort((a, b) => {
    const left = raw(a.row, column), right = raw(b.row, column);
    if (left === null || right === null) return (left === null) - (right === null) || a.index - b.index;
    return way * compare(left, right) || a.index - b.index;
  });
  for (const entry of entries) body.append(entry.tr, ...(entry.detail ? [entry.detail] : []));
});

// one row's detail
const list = (title, pairs) => {
  const box = make("div"), dl = make("dl");
  box.append(make("h3", title), dl);
  for (const [name, value] of pairs) dl.append(make("dt", name), make("dd", value));
  return box;
};
const dots = (process) => {
  const times = process.times_s, low = Math.min(...times), high = Math.max(...times), wide = 640, tall = 120, left = 78;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (tag, attributes, words) => {
    const node = document.createElementNS(svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (words) node.textContent = words;
    svg.append(node);
  };
  const y = (time) => 12 + (high === low ? 0.5 : (high - time) / (high - low)) * (tall - 32);
  svg.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Step time of each round: least ${process.ends[0]}, median ${process.ends[1]}, most ${process.ends[2]}`);
  add("line", { x1: left, x2: wide, y1: tall - 14, y2: tall - 14 });
  add("text", { x: 0, y: 16 }, process.ends[2]);
  if (high > low) add("text", { x: 0, y: tall - 18 }, process.ends[0]);
  add("text", { x: wide, y: tall - 2, "text-anchor": "end" }, `round ${process.rounds}`);
  add("text", { x: left, y: tall - 2 }, "round 1");
  times.forEach((time, index) => add("circle", { cx: left + 6 + index / Math.max(1, times.length - 1) * (wide - left - 12), cy: y(time), r: 2.4 }));
  return svg;
};
const open = (entry) => {
  const button = entry.tr.querySelector(".open");
  if (entry.detail) {
    entry.detail.remove();
    entry.detail = null;
    button.setAttribute("aria-expanded", "false");
    return;
  }
  const row = entry.row, tr = make("tr", undefined, { class: "detail" }), td = make("td", undefined, { colspan: columns.length + 1 });
  const inside = make("div", undefined, { class: "inside" }), top = make("div", undefined, { class: "full" });
  const names = data.labels;
  top.append(make("h3", "Measure this case again"), make("pre", row.command));
  const copy = make("button", "Copy command", { type: "button" });
  copy.addEventListener("click", () => put(row.command, "the command"));
  top.append(copy);
  if (row.reason) top.append(make("p", `${row.status}: ${row.reason}`));
  for (const note of row.notes) top.append(make("p", `Note: ${note}`));
  if (row.log) top.append(make("p", `Log: ${row.log}`));
  inside.append(top);
  for (const process of row.processes) {
    if (!process.times_s.length) continue;
    const box = make("div", undefined, { class: "full" });
    const kept = process.every > 1 ? `, every ${process.every}th shown` : "";
    box.append(make("h3", `${process.rounds} rounds in process ${process.process}${kept}: median ${process.ends[1]}`), dots(process));
    inside.append(box);
  }
  inside.append(list("Metrics", Object.entries(row.text).map(([name, text]) => [names[name] || name, text])));
  if (Object.keys(row.absent).length) inside.append(list("Not available", Object.entries(row.absent).map(([name, why]) => [names[name] || name, why])));
  inside.append(list("Case", [["id", row.id], ...Object.entries(row.case).map(([name, value]) => [name, value === null ? "none" : String(value)]), ["run", row.run]]));
  inside.append(list("Processes", row.processes.map((one) => [`${one.process} (pid ${one.pid})`, `${one.status}, ${one.started_utc} to ${one.finished_utc}`])));
  td.append(inside);
  tr.append(td);
  entry.tr.after(tr);
  entry.detail = tr;
  button.setAttribute("aria-expanded", "true");
};
body.addEventListener("click", (event) => {
  const entry = entries.find((one) => one.tr === event.target.closest("tr"));
  if (entry && (event.target.closest(".open") || !String(getSelection()))) open(entry);
});

// copy
const put = async (text, what) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", undefined, { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  said.textContent = `Copied ${what}`;
};
const quote = (value) => {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value !== "number" ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const csv = () => [shown().map((place) => columns[place].name), ...visible().map((entry) => shown().map((place) => quote(
  columns[place].name === "interval" ? entry.row.interval.join(" ") : raw(entry.row, columns[place]))))].map((line) => line.join(",")).join("\n") + "\n";
const markdown = () => {
  const line = (cells) => `| ${cells.map((text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  const heads = shown().map((place) => columns[place].label);
  return [line(heads), line(heads.map((_, at) => columns[shown()[at]].numeric ? "--:" : "---")),
    ...visible().map((entry) => line(shown().map((place) => cell(entry, place))))].join("\n") + "\n";
};
find("copy-csv").addEventListener("click", () => put(csv(), `${visible().length} cases as CSV`));
find("copy-md").addEventListener("click", () => put(markdown(), `${visible().length} cases as Markdown`));
})();
