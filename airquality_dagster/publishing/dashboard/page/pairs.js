// Pairs of stations: what may be said of the difference of their air, and how sure that is.

const pairOf = (name) => content.pairs.find((pair) => pair.name === name);
const stationsOf = (pair) => [pair.first, pair.second].map(stationOf);
const titleOfPair = (pair) => pair.question || minusText(pair);
const isSaid = (compared) => compared.withheld === null;

// Colours and symbols of both differences: hollow and grey is what says nothing of the air.
const rawLook = (isSolid) => ({ colour: colour(isSolid ? "second" : "invalid"), symbol: "circle-open" });
const scaleLook = (isSolid) => ({ colour: colour(isSolid ? "first" : "invalid"), symbol: isSolid ? "square" : "square-open" });

function minusText(pair) {
  const [first, second] = stationsOf(pair).map(titleOf);
  return t("minus", { first, second });
}

// Rounded as in the sentences.
function differenceText(value, signDisplay = "exceptZero") {
  if (value === null) return "–";
  const digits = Math.abs(value) >= 1 ? 1 : 2;
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven", signDisplay });
}

const intervalText = ({ low, high }) => (low === null ? t("noInterval") : t("interval", { low: differenceText(low, "negative"), high: differenceText(high, "negative") }));

// Of a large network: the chosen pair only.
function drawPairs() {
  const section = document.getElementById("pairs");
  section.hidden = !content.pairs.length;
  if (section.hidden) return;
  const pair = pairOf(state.pair);
  document.getElementById("pair-cards").replaceChildren(...(content.pairs.length > MOST_CARDS ? [pair] : content.pairs).map(pairCard));
  fillSelect("pair", content.pairs.map((one) => [one.name, titleOfPair(one)]), state.pair);
  document.getElementById("pair-choice").hidden = content.pairs.length < 2;
  fillSelect("pair-pollutant", pollutants().map((parameter) => [parameter.field, axisOf(parameter)]), state.pollutant);
  const compared = comparedOf(pair);
  const note = document.getElementById("pair-note");
  note.hidden = !compared || isSaid(compared);
  if (!note.hidden) note.textContent = compared.said[state.language];
}

// None of a pollutant that was added after the last comparison.
const comparedOf = (pair) => pair.fields.find((one) => one.field === state.pollutant);

function pairCard(pair) {
  const sites = stationsOf(pair).map((station) => {
    const stay = station.stays.findLast((one) => one.is_on_site);
    return [titleOf(station), stay && stayText(stay, false)].filter(Boolean).join(", ");
  });
  return element(
    "article", { class: "card pair", "data-pair": pair.name, "aria-label": titleOfPair(pair) },
    element("h3", {}, titleOfPair(pair)), element("p", { class: "small" }, t("minus", { first: sites[0], second: sites[1] })),
    element("div", { class: "said" }, ...pair.fields.map((compared) => (
      element("p", { class: isSaid(compared) ? "note" : "note nothing" }, compared.said[state.language])))),
    element("div", {}, differencesTable(pair), element("p", { class: "small" }, t("whiskers"))),
  );
}

// Each pollutant: the numbers, and below them the same drawn.
function differencesTable(pair) {
  const head = ["", t("rawDifference"), t("oneScale"), t("instruments")].map((name) => element("th", { scope: "col" }, name));
  const cell = (difference) => element(
    "td", {}, element("b", {}, differenceText(difference.mean)), ...(difference.mean === null ? [] : [element("span", { class: "small" }, intervalText(difference))]),
  );
  const rows = pair.fields.flatMap((compared) => {
    const numbers = element(
      "tr", { class: isSaid(compared) ? "" : "nothing" }, element("th", { scope: "row" }, labelOf(parameterOf(compared.field)), " ", element("span", { class: "small" }, parameterOf(compared.field).unit)), cell(compared.raw), cell(compared.scale),
      element("td", {}, compared.instruments === null || !isSaid(compared) ? "–" : `${Math.round(100 * compared.instruments)} %`),
    );
    const drawn = compared.raw.mean === null ? [] : [element("tr", { "aria-hidden": "true", class: "drawn" }, element("td", { colspan: 4 }, whiskers(compared)))];
    return [numbers, ...drawn];
  });
  return element(
    "table", {}, element("caption", { class: "small" }, t("differences")), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows),
  );
}

// Both differences with their intervals, what it would be by other weeks side by side, and zero, on a scale of their own.
function whiskers({ raw, scale, windows, colocation, ...compared }) {
  const others = windows.filter((window) => window.start !== colocation.start && window.difference !== null).map((window) => window.difference);
  const ends = [0, ...others, ...[raw, scale].flatMap((one) => [one.mean, one.low, one.high])].filter((value) => value !== null);
  const [lowest, highest] = [Math.min(...ends), Math.max(...ends)];
  const place = (value) => `${(3 + (94 * (value - lowest)) / (highest - lowest || 1)).toFixed(1)}%`;
  const mark = ({ mean, low, high }, y, kind) => (mean === null ? "" : `
    <g class="${kind}">${low === null ? "" : `<line x1="${place(low)}" x2="${place(high)}" y1="${y}" y2="${y}"/>`}<circle cx="${place(mean)}" cy="${y}" r="4"/></g>`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", isSaid(compared) ? "whiskers" : "whiskers nothing");
  svg.innerHTML = `<line class="zero" x1="${place(0)}" x2="${place(0)}" y1="0" y2="32"/>${mark(raw, 9, "raw")}${mark(scale, 23, "scale")}
    ${others.map((value) => `<line class="other" x1="${place(value)}" x2="${place(value)}" y1="18" y2="28"/>`).join("")}`;
  return svg;
}

// The charts of the chosen pair and pollutant: of a difference, only where something can be said of it.
function pairFigures() {
  const pair = pairOf(state.pair);
  const compared = pair && comparedOf(pair);
  if (!compared) return [];
  return [
    ...(compared.hour.part.length ? [[`pair-hours-${pair.name}`, () => differenceByHour(pair, compared)]] : []),
    ...(compared.month.part.length ? [[`pair-months-${pair.name}`, () => differenceByMonth(pair, compared)]] : []),
    ...(compared.colocation?.first.length ? [[`pair-relation-${pair.name}`, () => relation(pair, compared)]] : []),
  ];
}

function differenceFigure(pair, compared, { kind, layout: more, data, parts, columns }) {
  const parameter = parameterOf(compared.field);
  const series = compared[kind];
  const largest = series.mean.reduce((most, value, at) => (most === null || Math.abs(value) > Math.abs(series.mean[most]) ? at : most), null);
  return {
    title: t(`${kind}Difference`, { label: axisOf(parameter), pair: minusText(pair) }),
    note: t("pairedHours", { n: number(compared.hours, 6), start: dateText(compared.start), end: dateText(compared.end) }),
    label: t("largestDifference", { value: differenceText(series.mean[largest]), unit: parameter.unit, part: parts[largest] }),
    data,
    layout: chartLayout(stationsOf(pair), {
      height: 340, ...more,
      yaxis: { title: { text: axisOf(parameter) }, rangemode: "tozero", zeroline: true, zerolinewidth: 2, zerolinecolor: colour("ink") },
    }),
    table: {
      columns: [columns, ...["oneScale", "low", "high", "rawDifference"].map((name) => `${t(name)} (${parameter.unit})`), t("pairedHoursColumn")],
      rows: () => parts.map((part, at) => [part, ...["mean", "low", "high", "raw"].map((name) => number(series[name][at], 4)), series.hours[at]]),
    },
  };
}

// What is said of a part when it is pointed at.
const partTexts = (series, unit) => series.mean.map((mean, at) => [
  `${t("oneScale")} ${differenceText(mean)} ${unit} (${intervalText({ low: series.low[at], high: series.high[at] })})`,
  `${t("rawDifference")} ${differenceText(series.raw[at])} ${unit}`, `${series.hours[at]} h`,
].join("<br>"));

function differenceByHour(pair, compared) {
  const series = compared.hour;
  const { unit } = parameterOf(compared.field);
  const hours = series.part.map(Number);
  // One area for each run of hours with an interval.
  const band = { x: [], y: [] };
  let run = [];
  const close = () => {
    if (!run.length) return;
    if (band.x.length) { band.x.push(null); band.y.push(null); }
    const back = [...run].reverse();
    band.x.push(...run.map((at) => hours[at]), ...back.map((at) => hours[at]));
    band.y.push(...run.map((at) => series.high[at]), ...back.map((at) => series.low[at]));
    run = [];
  };
  hours.forEach((hour, at) => {
    if (series.low[at] === null || (run.length && hours[run.at(-1)] !== hour - 1)) close();
    if (series.low[at] !== null) run.push(at);
  });
  close();
  const hover = { customdata: partTexts(series, unit), hovertemplate: "%{x} h<br>%{customdata}<extra></extra>", meta: { pair: pair.name, field: compared.field } };
  const raw = rawLook(true);
  const scale = scaleLook(true);
  return differenceFigure(pair, compared, {
    kind: "hour", parts: hours, columns: t("hour"),
    layout: { xaxis: { title: { text: t("hourOfDay", { zone: content.network.time_zone }) }, dtick: isNarrow() ? 6 : 3, range: [-0.5, 23.5], zeroline: false } },
    data: [
      { type: "scatter", mode: "lines", ...band, fill: "toself", fillcolor: `${scale.colour}40`, line: { width: 0 }, hoverinfo: "skip", name: t("interval95") },
      { type: "scatter", mode: "lines", x: hours, y: series.raw, name: t("rawDifference"), line: { color: raw.colour, width: 1.5, dash: "dot" }, ...hover },
      { type: "scatter", mode: "lines+markers", x: hours, y: series.mean, name: t("oneScale"), line: { color: scale.colour, width: 2 }, marker: { symbol: scale.symbol, size: 5 }, ...hover },
    ],
  });
}

function differenceByMonth(pair, compared) {
  const series = compared.month;
  const { unit } = parameterOf(compared.field);
  const texts = partTexts(series, unit);
  const trace = (isDrawn, values, name, look, more = {}) => {
    const places = series.part.map((_, at) => at).filter(isDrawn);
    const of = (column) => places.map((at) => column[at]);
    return {
      type: "scatter", mode: "markers", name, x: of(series.part).map((month) => `${month}-01`), y: of(values), xperiod: "M1", xperiodalignment: "middle",
      marker: { color: look.colour, symbol: look.symbol, size: 9 }, customdata: of(texts), hovertemplate: "%{x|%b %Y}<br>%{customdata}<extra></extra>",
      meta: { pair: pair.name, field: compared.field }, ...(more.error_y ? { error_y: more.error_y(of) } : {}),
    };
  };
  const hasInterval = (at) => series.low[at] !== null;
  const ends = (of) => {
    const [mean, low, high] = [of(series.mean), of(series.low), of(series.high)];
    return {
      type: "data", symmetric: false, array: high.map((value, at) => value - mean[at]), arrayminus: low.map((value, at) => mean[at] - value),
      color: colour("first"), thickness: 2, width: 5,
    };
  };
  const months = series.part.map((month) => dateText(`${month}-01`, { month: "short", year: "numeric" }));
  return differenceFigure(pair, compared, {
    kind: "month", parts: months, columns: t("month"),
    layout: { xaxis: { type: "date", dtick: series.part.length > 24 || isNarrow() ? undefined : "M1", tickformat: "%b\n%Y" } },
    data: [
      trace(() => true, series.raw, t("rawDifference"), rawLook(true)),
      trace(hasInterval, series.mean, t("scaleWithInterval"), scaleLook(true), { error_y: ends }),
      trace((at) => !hasInterval(at), series.mean, t("noInterval"), scaleLook(false)),
    ].filter((one) => one.x.length),
  });
}

// Both side by side: how the two instruments read the same air.
function relation(pair, compared) {
  const parameter = parameterOf(compared.field);
  const { colocation, windows } = compared;
  const [first, second] = stationsOf(pair).map(titleOf);
  const ends = [Math.min(...colocation.first), Math.max(...colocation.first)];
  const { slope, intercept, r2 } = colocation;
  const values = { first: pair.first, second: pair.second, slope: number(slope), sign: intercept < 0 ? "−" : "+", intercept: differenceText(Math.abs(intercept), "never") };
  const line = slope === null ? "" : t("line", values);
  const period = `${dateText(colocation.start)} – ${dateText(colocation.end)}`;
  const fate = (window) => (window.withheld ? t(`window_${window.withheld}`) : t("used"));
  const withRange = (value, low, high) => (low === null ? number(value) : `${number(value)} (${number(low)} – ${number(high)})`);
  const look = colocation.withheld ? { color: colour("invalid"), symbol: "circle-open" } : { color: colour("first"), symbol: "circle" };
  return {
    title: t("relationTitle", { label: axisOf(parameter), first, second }),
    note: [
      t("relationNote", { period, n: number(colocation.hours, 6) }), line && `${line} ${parameter.unit}`, r2 !== null && `r² ${number(r2)}`,
      colocation.withheld && fate(colocation), colocation.source === "found" && t("foundWindow"), colocation.is_quantiles && t("quantiles"),
    ].filter(Boolean).join(" · "),
    label: [period, line, r2 === null ? "" : `r² ${number(r2)}`].filter(Boolean).join(", "),
    data: [
      {
        type: "scatter", mode: "markers", name: t("hourlyReadings"), x: colocation.first, y: colocation.second, marker: { ...look, size: 5, opacity: 0.6 },
        hovertemplate: `${first} %{x:.3g}<br>${second} %{y:.3g} ${parameter.unit}<extra></extra>`, meta: { pair: pair.name, field: compared.field },
      },
      { type: "scatter", mode: "lines", name: t("identity"), x: ends, y: ends, line: { color: colour("faint"), width: 1.5, dash: "dot" }, hoverinfo: "skip" },
      ...(slope === null ? [] : [{
        type: "scatter", mode: "lines", name: t(colocation.withheld ? "lineNotUsed" : "commonScale"), x: ends, y: ends.map((value) => intercept + slope * value),
        line: { color: colour(colocation.withheld ? "invalid" : "second"), width: 2 }, hoverinfo: "skip",
      }]),
    ],
    layout: chartLayout(stationsOf(pair), {
      height: 380, xaxis: { title: { text: `${pair.first} (${parameter.unit})` } }, yaxis: { title: { text: `${pair.second} (${parameter.unit})` } },
    }),
    table: {
      columns: [t("sideBySide"), t("pairedHoursColumn"), t("slope"), `${t("intercept")} (${parameter.unit})`, "r²", `${t("differenceByIt")} (${parameter.unit})`, t("fate")],
      rows: () => [...windows, ...(compared.pooled ? [compared.pooled] : [])].map((window) => [
        window === compared.pooled ? t("allWindows") : `${dateText(window.start)} – ${dateText(window.end)}`, window.hours, withRange(window.slope, window.slope_low, window.slope_high),
        withRange(window.intercept, window.intercept_low, window.intercept_high), number(window.r2), differenceText(window.difference), window === compared.pooled ? "–" : fate(window),
      ]),
    },
  };
}
