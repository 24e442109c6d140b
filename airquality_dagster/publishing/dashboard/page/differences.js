// Charts of the chosen pair and pollutant.

// Colours and symbols of both differences: hollow and grey is what says nothing of the air.
const rawLook = (isSolid) => ({ colour: colour(isSolid ? "second" : "invalid"), symbol: "circle-open" });
const scaleLook = (isSolid) => ({ colour: colour(isSolid ? "first" : "invalid"), symbol: isSolid ? "square" : "square-open" });

// The charts of the chosen pair and pollutant: of a difference, only where something can be said about it.
function pairFigures() {
  const pair = pairOf(state.pair);
  const compared = pair && comparedOf(pair);
  if (!compared) return [];
  return [
    ...(compared.hour.part.length ? [[`pair-hours-${pair.name}`, () => differenceByHour(pair, compared)]] : []),
    ...(compared.kind.part.length ? [[`pair-kinds-${pair.name}`, () => differenceByKind(pair, compared)]] : []),
    ...(compared.month.part.length ? [[`pair-months-${pair.name}`, () => differenceByMonth(pair, compared)]] : []),
    ...(compared.colocation?.first.length ? [[`pair-relation-${pair.name}`, () => relation(pair, compared)]] : []),
  ];
}

function differenceFigure(pair, compared, { kind, layout, data, parts, columns, notes = [] }) {
  const parameter = parameterOf(compared.field);
  const series = compared[kind];
  const largest = series.mean.reduce((most, value, at) => (most === null || Math.abs(value) > Math.abs(series.mean[most]) ? at : most), null);
  return {
    title: t(`${kind}Difference`, { label: axisOf(parameter), pair: minusText(pair) }),
    note: [t("pairedHours", { n: number(compared.hours, 6), start: dateText(compared.start), end: dateText(compared.end) }), ...notes].join(" · "),
    label: t("largestDifference", { value: differenceText(series.mean[largest], compared.decimals), unit: parameter.unit, part: parts[largest] }),
    data,
    layout: chartLayout(stationsOf(pair), { height: 340, ...layout }),
    table: {
      columns: [columns, ...["oneScale", "low", "high", "rawDifference"].map((name) => `${t(name)} (${parameter.unit})`), t("pairedHoursColumn"), t("fullDays")],
      rows: () => parts.map((part, at) => [part, ...["mean", "low", "high", "raw"].map((name) => number(series[name][at], 4)), series.hours[at], series.days[at]]),
    },
  };
}

const differenceAxis = (parameter) => ({ title: { text: axisOf(parameter) }, rangemode: "tozero", zeroline: true, zerolinewidth: 2, zerolinecolor: colour("ink") });

// What is said about a part when it is pointed at.
const partTexts = (series, unit, digits) => series.mean.map((mean, at) => [
  `${t("oneScale")} ${differenceText(mean, digits)} ${unit} (${intervalText({ low: series.low[at], high: series.high[at] }, digits)})`,
  `${t("rawDifference")} ${differenceText(series.raw[at], digits)} ${unit}`, t("hoursAndDays", { hours: series.hours[at], days: series.days[at] }),
].join("<br>"));

function differenceByHour(pair, compared) {
  const series = compared.hour;
  const parameter = parameterOf(compared.field);
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
  const hover = { customdata: partTexts(series, parameter.unit, compared.decimals), hovertemplate: "%{x} h<br>%{customdata}<extra></extra>", meta: { pair: pair.name, field: compared.field } };
  const raw = rawLook(true);
  const scale = scaleLook(true);
  return differenceFigure(pair, compared, {
    kind: "hour", parts: hours, columns: t("hour"),
    layout: {
      xaxis: { title: { text: t("hourOfDay", { zone: content.network.time_zone }) }, dtick: isNarrow() ? 6 : 3, range: [-0.5, 23.5], zeroline: false },
      yaxis: differenceAxis(parameter),
    },
    data: [
      { type: "scatter", mode: "lines", ...band, fill: "toself", fillcolor: `${scale.colour}40`, line: { width: 0 }, hoverinfo: "skip", name: t("interval95") },
      { type: "scatter", mode: "lines", x: hours, y: series.raw, name: t("rawDifference"), line: { color: raw.colour, width: 1.5, dash: "dot" }, ...hover },
      { type: "scatter", mode: "lines+markers", x: hours, y: series.mean, name: t("oneScale"), line: { color: scale.colour, width: 2 }, marker: { symbol: scale.symbol, size: 5 }, ...hover },
    ],
  });
}

// Both differences of each part as marks, with intervals; grey and hollow is what has none.
function marks(pair, compared, kind, { axis, places, names, ...more }) {
  const series = compared[kind];
  const texts = partTexts(series, parameterOf(compared.field).unit, compared.decimals);
  const hasInterval = (at) => series.low[at] !== null;
  const trace = (isDrawn, values, name, look, withEnds = false) => {
    const drawn = series.part.map((_, at) => at).filter(isDrawn);
    const of = (column) => drawn.map((at) => column[at]);
    const ends = {
      type: "data", symmetric: false, array: drawn.map((at) => series.high[at] - series.mean[at]), arrayminus: drawn.map((at) => series.mean[at] - series.low[at]),
      color: look.colour, thickness: 2, width: 5,
    };
    return {
      type: "scatter", mode: "markers", name, [axis]: of(values), [axis === "x" ? "y" : "x"]: of(places), text: of(names), customdata: of(texts),
      marker: { color: look.colour, symbol: look.symbol, size: 9 }, hovertemplate: "%{text}<br>%{customdata}<extra></extra>",
      meta: { pair: pair.name, field: compared.field }, ...more, ...(withEnds ? { [`error_${axis}`]: ends } : {}),
    };
  };
  return [
    trace(() => true, series.raw, t("rawDifference"), rawLook(true)),
    trace(hasInterval, series.mean, t("scaleWithInterval"), scaleLook(true), true),
    trace((at) => !hasInterval(at), series.mean, t("noInterval"), scaleLook(false)),
  ].filter((one) => one.x.length);
}

function differenceByMonth(pair, compared) {
  const { part } = compared.month;
  const months = part.map((month) => dateText(`${month}-01`, { month: "short", year: "numeric" }));
  return differenceFigure(pair, compared, {
    kind: "month", parts: months, columns: t("month"),
    layout: { xaxis: { type: "date", dtick: part.length > 24 || isNarrow() ? undefined : "M1", tickformat: "%b\n%Y" }, yaxis: differenceAxis(parameterOf(compared.field)) },
    data: marks(pair, compared, "month", { axis: "y", places: part.map((month) => `${month}-01`), names: months, xperiod: "M1", xperiodalignment: "middle" }),
  });
}

// By kinds of days and hours, one line each; a space between those that are not of one kind.
function differenceByKind(pair, compared) {
  const { part, period, days } = compared.kind;
  const names = part.map((name) => t(`part_${name}`));
  const places = part.map((_, at) => at + period.slice(1, at + 1).filter((one, before) => one !== period[before]).length / 2);
  return differenceFigure(pair, compared, {
    kind: "kind", parts: names, columns: t("part"),
    notes: [t("partDaysNote"), t("wetNote", { percent: content.humid_percent }), ...(period.includes("dust") ? [t("dustyNote")] : [])],
    layout: {
      height: 120 + (isNarrow() ? 40 : 28) * part.length, xaxis: differenceAxis(parameterOf(compared.field)),
      yaxis: {
        tickvals: places, ticktext: names.map((name, at) => `${name}${isNarrow() ? "<br>" : " "}${t("partDays", { n: days[at] })}`),
        range: [places.at(-1) + 0.6, -0.6], showgrid: false, zeroline: false,
      },
    },
    data: marks(pair, compared, "kind", { axis: "x", places, names }),
  });
}

// Both side by side: how the two instruments read the same air.
function relation(pair, compared) {
  const parameter = parameterOf(compared.field);
  const { colocation, windows } = compared;
  const [first, second] = stationsOf(pair).map(titleOf);
  const ends = [Math.min(...colocation.first), Math.max(...colocation.first)];
  const { slope, intercept, r2 } = colocation;
  const values = { first: pair.first, second: pair.second, slope: number(slope), sign: intercept < 0 ? "−" : "+", intercept: differenceText(Math.abs(intercept), compared.decimals, "never") };
  const line = slope === null ? "" : t("line", values);
  const period = `${dateText(colocation.start)} – ${dateText(colocation.end)}`;
  const fate = (window) => (window.withheld ? t(`window_${window.withheld}`) : t("used"));
  const withRange = (value, low, high) => (low === null ? number(value) : `${number(value)} (${number(low)} – ${number(high)})`);
  const look = colocation.withheld ? { color: colour("invalid"), symbol: "circle-open" } : { color: colour("first"), symbol: "circle" };
  return {
    title: t("relationTitle", { label: axisOf(parameter), first, second }),
    note: [
      t("relationNote", { period, n: number(colocation.hours, 6) }), line && `${line} ${parameter.unit}`, r2 !== null && `r² ${number(r2)}`,
      colocation.withheld && fate(colocation), colocation.source === "found" && t("foundWindow"),
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
        withRange(window.intercept, window.intercept_low, window.intercept_high), number(window.r2), differenceText(window.difference, compared.decimals), window === compared.pooled ? "–" : fate(window),
      ]),
    },
  };
}
