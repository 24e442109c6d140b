// What the next hours may bring: in words on the card, as a band beside the last hours, and how right forecasts were.

const HOUR = 3600e3;
// Later, the hour that the words are about is over.
const isOver = ({ said }) => hoursSince(said.target) >= 1;
const hasBand = (station) => Boolean(station.forecast?.ahead.length) && !isOver(station.forecast) && !isAway(station);
// Of a concentration that nobody knows yet, tenths say nothing.
const roughly = (value) => number(value, value >= 100 ? 3 : 2);

// Why nothing is forecast; null if something is.
function whyNoForecast(station) {
  const { said, origin } = station.forecast;
  if (isAway(station)) return t("awayShort");
  if (isOver(station.forecast)) return t("forecastIsOver", { hour: momentText(origin) });
  return said.withheld && t(`forecast_${said.withheld}`);
}

// In one sentence, and in a second one if it is only "as now".
function forecastTexts(station) {
  const { field, said } = station.forecast;
  const { label, unit } = parameterOf(field);
  const reason = whyNoForecast(station);
  if (reason) return [t("noForecast", { label, reason })];
  const range = { hour: hourText(said.target), label, unit, low: roughly(said.low), high: roughly(said.high) };
  const isProbable = said.percent >= 50;
  const likely = t(isProbable ? "probably" : "mostLikely");
  const made = t("forecast", { ...range, likely, word: t(`eaqi${said.band}`), percent: said.percent });
  return said.method === "persistence" ? [made, t("asNow")] : [made];
}

function forecastOf(station) {
  if (!station.forecast) return [];
  const [sentence, ...more] = forecastTexts(station);
  return [element("div", { class: "forecast" }, element("p", {}, sentence), ...more.map((text) => element("p", { class: "small" }, text)))];
}

function scoreText({ score, field }) {
  if (!score) return t("notScored");
  const { unit } = parameterOf(field);
  const values = { end: dateText(score.end), mae: number(score.mae, 2), asNow: number(score.as_now, 2), unit, coverage: score.coverage };
  const share = score.share ? t(`share_${score.share}`) : score.percent && t("sharePercent", { n: score.percent });
  return share ? t("scoreBetter", { ...values, share }) : t("scoreNoBetter", values);
}

// Plotly knows no time zones: hours are drawn by the clock of the network.
const clockTime = (moment) => new Date(moment).toLocaleString("sv-SE", { timeZone: content.network.time_zone });

// The last hours of the first headline pollutant, what was forecast for them, and what is forecast for the next day.
function lastAndNextHours(station) {
  const { forecast, now } = station;
  const parameter = headlines()[0];
  const end = Date.parse(now.hour);
  const past = now.last_hours.map((value, place, { length }) => ({ moment: end - (length - 1 - place) * HOUR, value, before: forecast?.past[place] ?? null }));
  const next = hasBand(station) ? nextHours(forecast) : [];
  const layout = chartLayout([station], { height: 320, xaxis: { type: "date", tickformat: "%H:%M\n%-d %b" }, yaxis: { title: { text: axisOf(parameter) }, rangemode: "tozero" } });
  nowLine(layout);
  const texts = forecast ? forecastTexts(station) : [];
  const made = forecast && t("forecastMade", { made: momentText(forecast.made_at), origin: hourText(forecast.origin) });
  return {
    title: t(next.length ? "nextHoursTitle" : "lastHoursTitle", { station: titleOf(station), label: parameter.label }),
    note: forecast ? [...(next.length ? [] : texts), scoreText(forecast), made].join(" ") : "",
    label: texts[0] ?? t("spark", { label: parameter.label, hours: past.length }),
    data: [...bandTraces(next, past, forecast, parameter), ...pastTraces(past, station, parameter)], layout,
    table: {
      columns: [t("hour"), axisOf(parameter), t("twoHoursBefore"), "p10", t("median"), "p90"],
      rows: () => [
        ...past.map(({ moment, value, before }) => [momentText(moment), number(value, 4), number(before, 4), "–", "–", "–"]),
        ...next.map(({ moment, low, middle, high }) => [momentText(moment), "–", "–", ...[low, middle, high].map((one) => number(one, 4))]),
      ].reverse(),
    },
  };
}

const nextHours = ({ origin, ahead, p10, p50, p90 }) => ahead.map((hours, place) => (
  { hours, moment: Date.parse(origin) + hours * HOUR, low: p10[place], middle: p50[place], high: p90[place] }));

// From the reading that the forecast starts from, if it is valid.
function bandTraces(next, past, forecast, parameter) {
  if (!next.length) return [];
  const start = past.find(({ moment, value }) => moment === Date.parse(forecast.origin) && value !== null);
  const points = [...(start ? [{ moment: start.moment, low: start.value, middle: start.value, high: start.value }] : []), ...next];
  const x = points.map(({ moment }) => clockTime(moment));
  const text = ({ hours, moment, low, middle, high }) => (hours
    ? t("forecastPoint", { hour: momentText(moment), n: hours, low: roughly(low), high: roughly(high), middle: roughly(middle), unit: parameter.unit })
    : `${momentText(moment)}<br>${t("validReadings")}: ${number(middle)} ${parameter.unit}`);
  return [
    {
      type: "scatter", mode: "lines", name: t("forecastBand"), x: [...x, ...x.toReversed()], line: { width: 0 }, hoverinfo: "skip",
      y: [...points.map(({ high }) => high), ...points.map(({ low }) => low).reverse()], fill: "toself", fillcolor: `${colour("first")}33`, meta: { kind: "band" },
    },
    {
      type: "scatter", mode: "lines+markers", name: t("forecastMedian"), x, y: points.map(({ middle }) => middle), customdata: points.map(text),
      line: { color: colour("first"), width: 1.75, dash: "dot" }, marker: { size: points.map(({ hours }) => (hours ? 5 : 0)), color: colour("first"), symbol: "diamond", opacity: 1, line: { width: 0 } },
      hovertemplate: "%{customdata}<extra></extra>", meta: { kind: "median" },
    },
  ];
}

function pastTraces(past, station, parameter) {
  const x = past.map(({ moment }) => clockTime(moment));
  const trace = (kind, name, y, more) => ({
    type: "scatter", name, x, y, connectgaps: false, customdata: past.map(({ moment }) => momentText(moment)),
    hovertemplate: `%{customdata}<br>${name}: %{y:.3g} ${parameter.unit}<extra></extra>`, meta: { kind, station: station.name, field: parameter.field }, ...more,
  });
  return [
    trace("before", t("twoHoursBefore"), past.map(({ before }) => before), { mode: "lines", line: { color: colour("second"), width: 1.25, dash: "dash" } }),
    trace("readings", t("validReadings"), past.map(({ value }) => value), {
      mode: "lines+markers", line: { color: colour("first"), width: 1.75 }, marker: { color: colour("first"), size: 4 },
    }),
  ].filter(({ y }) => y.some((value) => value !== null));
}

// What the page calls now is when it was made.
function nowLine(layout) {
  const x = clockTime(content.made_at);
  layout.shapes.push({ type: "line", xref: "x", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colour("faint"), width: 1 } });
  layout.annotations.push({
    text: t("now"), xref: "x", x, xanchor: "left", yref: "paper", y: 1, yanchor: "top", showarrow: false, font: { size: 11, color: colour("faint") },
  });
}
