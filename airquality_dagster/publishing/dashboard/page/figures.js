// Figures on the page: drawn when they come into view, each with its name and its table.

const figures = new Map();
const inView = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inView.add(target.id);
    else inView.delete(target.id);
    if (isIntersecting) draw(target.id);
  }
}, { rootMargin: "300px" });

// The figures of each section in order, for the present choices.
function sections() {
  const stations = chosen();
  const parameter = parameterOf(state.pollutant);
  const each = (kind, make) => stations.map((station) => [`${kind}-${station.name}`, () => make(station, parameter)]);
  return {
    hours: each("hours", lastAndNextHours).filter(([name]) => stationOf(name.slice("hours-".length)).now),
    map: content.stations.length > 1 ? [["map", stationsMap]] : [],
    series: [
      ...each("series", stationSeries),
      ...(stations.length > 1 ? charted().map((one) => [`comparison-${one.field}`, () => comparison(one)]) : []),
    ],
    gauges: each("gauges", gauges),
    waterfalls: headlines().flatMap((one) => each(`waterfall-${one.field}`, (station) => waterfall(station, one))),
    pairs: pairFigures(),
    detail: [
      ...each("calendar", calendar), ...each("profile", profile), ...each("boxes", monthlyBoxes), ...each("capture", capture),
      ...each("restated", restated),
    ],
  };
}

// Lay out empty figures where the stations changed; draw those in view again, and the others when they come into view.
function layOut() {
  for (const [section, entries] of Object.entries(sections())) {
    const place = document.querySelector(`[data-section="${section}"]`);
    const ids = entries.map(([name]) => `figure-${name}`);
    if ([...place.children].map((child) => child.id).join() !== ids.join()) {
      for (const child of place.children) {
        observer.unobserve(child);
        figures.delete(child.id);
        inView.delete(child.id);
        Plotly.purge(child.querySelector(".chart"));
      }
      place.replaceChildren(...ids.map(emptyFigure));
    }
    entries.forEach(([, make], order) => figures.set(ids[order], { make, isStale: true }));
    for (const child of place.children) observer.observe(child);
  }
  for (const id of inView) draw(id);
}

function emptyFigure(id) {
  return element(
    "figure", { id, "aria-labelledby": `${id}-caption` }, element("figcaption", { id: `${id}-caption` }),
    element("ul", { class: "legend", hidden: true }), element("div", { class: "chart" }), tableOf(id),
  );
}

function draw(id) {
  const figure = figures.get(id);
  if (!figure?.isStale) return;
  figure.isStale = false;
  const made = figure.make();
  figure.made = made;
  const node = document.getElementById(id);
  node.querySelector("figcaption").replaceChildren(made.title, ...(made.note ? [element("span", { class: "small" }, made.note)] : []));
  const legend = node.querySelector(".legend");
  legend.hidden = !made.legend;
  legend.setAttribute("aria-label", t("legend"));
  legend.replaceChildren(...(made.legend ?? []).map(([shade, word]) => {
    const box = element("span", { "aria-hidden": "true" });
    if (shade) box.style.background = shade;
    return element("li", {}, box, word);
  }));
  const chart = node.querySelector(".chart");
  // The table below has the figures; the drawing itself is one picture.
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", `${made.title}. ${made.label}`);
  Plotly.react(chart, made.data, made.layout, chartConfig());
  chart.removeAllListeners("plotly_click");
  if (made.onClick) chart.on("plotly_click", (event) => made.onClick(event.points[0]));
  if (node.querySelector("details").open) fillTable(id);
}

function tableOf(id) {
  const made = element("details", {}, element("summary", { "data-t": "table" }, t("table")), element("div", { class: "scroll", tabindex: "0", role: "region" }));
  made.addEventListener("toggle", () => made.open && fillTable(id));
  return made;
}

function fillTable(id) {
  draw(id);
  const { table, title } = figures.get(id).made;
  const row = (cells, name) => element("tr", {}, ...cells.map((cell, place) => (
    name === "th" || place === 0 ? element("th", { scope: name === "th" ? "col" : "row" }, String(cell)) : element("td", {}, String(cell)))));
  const place = document.getElementById(id).querySelector(".scroll");
  place.setAttribute("aria-label", `${t("table")}: ${title}`);
  place.replaceChildren(element(
    "table", {}, element("thead", {}, row(table.columns, "th")), element("tbody", {}, ...table.rows().map((cells) => row(cells, "td"))),
  ));
}

function drawAll() {
  for (const id of figures.keys()) draw(id);
}
