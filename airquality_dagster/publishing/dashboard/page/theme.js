// Colours of the style sheet and what all charts share.

// Causes of a day without a valid mean (Okabe and Ito's palette, made for colour-blind readers).
const CAUSES = {
  complete: "#0072b2", valid: "#56b4e9", missing: "#b9c1c8", stuck: "#e69f00", drift: "#cc79a7", out_of_range: "#d55e00",
  spike: "#f0e442", isolated: "#009e73", inconsistent: "#3a3a3a",
  off_site: "#efe6ff", warm_up: "#783000",
};
// Of hours and weekdays: cividis, made for colour-blind readers.
const SEQUENTIAL = [
  [0, "#00224e"], [0.2, "#2a3f6d"], [0.4, "#575d6d"], [0.6, "#7d7c78"], [0.8, "#b5a66c"], [1, "#fee838"],
];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
// Of a length of 1 cut into equal parts with gaps: from where to where one of them is.
function share(place, count, gap = 0) {
  const size = (1 - gap * (count - 1)) / count;
  return [place * (size + gap), place * (size + gap) + size];
}
// Plotly counts axes from 1, and leaves the 1 out of their names.
const axisNumber = (place) => (place ? String(place + 1) : "");
const isNarrow = () => window.innerWidth < 600;

function registerLocale() {
  const name = (options, date) => date.toLocaleDateString("fr", { timeZone: "UTC", ...options });
  const months = (options) => [...Array(12).keys()].map((month) => name(options, new Date(Date.UTC(2023, month, 1))));
  const days = (options) => [...Array(7).keys()].map((day) => name(options, new Date(Date.UTC(2023, 0, 1 + day))));
  Plotly.register({
    moduleType: "locale", name: "fr", dictionary: {},
    format: {
      days: days({ weekday: "long" }), shortDays: days({ weekday: "short" }),
      months: months({ month: "long" }), shortMonths: months({ month: "short" }),
      date: "%d/%m/%Y", decimal: ",", thousands: " ",
    },
  });
}

function chartConfig() {
  return { displayModeBar: false, responsive: true, locale: state.language };
}

function watermark() {
  return {
    text: t("simulatedMark"), xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, textangle: -20,
    font: { size: isNarrow() ? 22 : 30, color: colour("invalid") }, opacity: 0.3,
  };
}

function chartLayout(stations, more = {}) {
  const axis = { gridcolor: colour("grid"), linecolor: colour("line"), zerolinecolor: colour("line"), automargin: true, tickangle: 0 };
  const layout = {
    paper_bgcolor: colour("paper"), plot_bgcolor: colour("paper"), height: 320, hovermode: "closest", dragmode: false,
    font: { color: colour("ink"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 50, r: 15, t: 10, b: 35 }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hoverlabel: { align: "left", bgcolor: colour("raised"), font: { color: colour("ink") }, bordercolor: colour("line") },
    annotations: [], shapes: [], ...more,
  };
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis/.test(name)) layout[name] = { ...axis, ...(/^x/.test(name) && isNarrow() ? { nticks: 5 } : {}), ...layout[name] };
  }
  if (stations.some((station) => station.is_simulated)) layout.annotations.push(watermark());
  return layout;
}

// The limit's line and its label. A limit far above all values is named at the top instead, so that the values stay readable.
function limitLine(layout, parameter, values, axis = "y") {
  const limit = parameter.guideline;
  // In the margin, where it covers nothing.
  layout.margin = { ...layout.margin, r: 80 };
  const text = t("limit", { value: number(limit), unit: parameter.unit, averaging: parameter.averaging });
  const label = {
    xref: "paper", x: 1.01, xanchor: "left", align: "left", showarrow: false, font: { color: colour("limit"), size: 11 },
  };
  const axisName = axis.replace("y", "yaxis");
  const present = values.filter((value) => value !== null);
  const highest = present.reduce((one, other) => Math.max(one, other), 0);
  if (present.length && limit > 2.5 * highest) {
    const lowest = present.reduce((one, other) => Math.min(one, other), 0);
    const pad = 0.08 * (highest - lowest || limit);
    layout[axisName].range = [lowest - (lowest < 0 ? pad : 0), highest + pad];
    layout.annotations.push({ ...label, text: `↑ ${text}`, yref: `${axis} domain`, y: 1, yanchor: "top" });
    return;
  }
  layout.shapes.push({
    type: "line", xref: "paper", x0: 0, x1: 1, yref: axis, y0: limit, y1: limit, line: { color: colour("limit"), width: 1.5, dash: "dash" },
  });
  layout.annotations.push({ ...label, text, yref: axis, y: limit, yanchor: "middle" });
}
