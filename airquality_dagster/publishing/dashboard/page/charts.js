// Charts of days and months, and the map. Each function returns what a figure shows: title, traces, layout, table.

// With more days than this, markers are slow to draw and say no more than the line.
const MOST_MARKERS = 800;

// Valid days solid and joined, gaps left open; the others hollow and grey. More days than the range: the slider leads back.
function dailyTraces(station, parameter, look, axis = "") {
  const days = daysOf(station, parameter.field, sliderStart());
  const dates = days.map((day) => day.date);
  const hover = `${titleOf(station)}<br>%{x|%d %b %Y}: %{y:.4g} ${parameter.unit}<br>%{customdata}<extra></extra>`;
  const trace = (isDrawn, more) => ({
    type: "scatter", x: dates, y: days.map((day) => (isDrawn(day) ? day.value : null)), customdata: days.map(hoursText),
    hovertemplate: hover, xaxis: "x", yaxis: `y${axis}`, legendgroup: station.name, meta: { station: station.name, field: parameter.field }, ...more,
  });
  const traces = [
    trace(isValidDay, {
      name: look.name, mode: days.length > MOST_MARKERS ? "lines" : "lines+markers", connectgaps: false, showlegend: look.showlegend ?? true,
      line: { color: look.colour, width: 1.75, dash: look.dash }, marker: { color: look.colour, size: 4, symbol: look.symbol },
    }),
  ];
  if (state.invalid && days.some(isDoubtful)) {
    traces.push(
      trace(isDoubtful, {
        name: `${look.name}, ${t("notValid")}`, mode: "markers", showlegend: look.showlegend ?? true,
        marker: { color: colour("invalid"), size: 6, symbol: `${look.symbol}-open` },
      }),
    );
  }
  return traces;
}

function dailyTable(stations, parameters) {
  const several = stations.length > 1;
  const columns = [t("date"), ...(several ? [t("station")] : [])];
  for (const parameter of parameters) columns.push(axisOf(parameter), t("validHours"), t("validity"));
  const rows = () => stations.flatMap((station) => {
    const series = parameters.map((parameter) => daysOf(station, parameter.field));
    return (series[0] ?? []).map((first, place) => [
      first.date, ...(several ? [station.name] : []),
      ...series.flatMap((days) => [
        number(days[place].value, 4), days[place].hours ?? "–",
        days[place].value === null ? "–" : validityText(days[place]),
      ]),
    ]).reverse();
  });
  return { columns, rows };
}

function lookOf(place) {
  return place === 0
    ? { colour: colour("first"), dash: "solid", symbol: "circle" }
    : { colour: colour("second"), dash: "dot", symbol: "square" };
}

const dateAxis = (more = {}) => ({ type: "date", range: [firstDate(), addDays(lastDate(), 1)], ...more });
const slider = () => ({ visible: true, autorange: true, thickness: 0.09, bgcolor: colour("raised"), bordercolor: colour("line"), borderwidth: 1 });

// Times away from the place are shaded: what is drawn there is not its air. A day is drawn at its midnight.
function shadeAway(layout, station) {
  for (const { first, last } of awayTimes(station, sliderStart())) {
    layout.shapes.push({
      type: "rect", xref: "x", yref: "paper", x0: `${addDays(first, -1)} 12:00`, x1: `${last} 12:00`, y0: 0, y1: 1, layer: "below",
      fillcolor: colour("grid"), line: { width: 0 },
    });
  }
}

// One axis below the other, the main pollutant lowest: two axes on one chart mislead.
function stationSeries(station) {
  const parameters = charted();
  const layout = chartLayout([station], {
    height: 220 * parameters.length, showlegend: false, xaxis: dateAxis({ anchor: `y${axisNumber(parameters.length - 1)}`, rangeslider: slider() }),
    ...Object.fromEntries(parameters.map((parameter, place) => [
      `yaxis${axisNumber(place)}`, { title: { text: axisOf(parameter) }, domain: share(parameters.length - 1 - place, parameters.length, 0.08) },
    ])),
  });
  shadeAway(layout, station);
  const data = parameters.flatMap((parameter, place) => {
    limitLine(layout, parameter, shownValues(station, parameter.field), `y${axisNumber(place)}`);
    const isMain = place === parameters.length - 1;
    return dailyTraces(station, parameter, { ...lookOf(isMain ? 0 : 1), name: parameter.label }, axisNumber(place));
  });
  return {
    title: t("seriesTitle", {
      station: titleOf(station), means: parameters.map(({ label }) => t("dailyMean", { label })).join(t("meansAgainst")),
    }),
    note: awayText(station), label: parameters.map((parameter) => latestText(station, parameter)).join("; "), data, layout, table: dailyTable([station], parameters),
  };
}

function comparison(parameter) {
  const stations = chosen();
  const layout = chartLayout(stations, { xaxis: dateAxis({ rangeslider: slider() }), yaxis: { title: { text: axisOf(parameter) } }, height: 380 });
  limitLine(layout, parameter, stations.flatMap((station) => shownValues(station, parameter.field)));
  return {
    title: t("comparisonTitle", { label: parameter.label, stations: stations.map(titleOf).join(" – ") }),
    note: stations.map(awayText).filter(Boolean).join(" "),
    label: stations.map((station) => `${titleOf(station)}: ${latestText(station, parameter)}`).join("; "),
    data: stations.flatMap((station, place) => dailyTraces(station, parameter, { ...lookOf(place), name: station.name })),
    layout, table: dailyTable(stations, [parameter]),
  };
}

function gauges(station) {
  const parameters = charted();
  const count = parameters.length;
  const isStacked = isNarrow();
  const layout = chartLayout([station], { height: isStacked ? 240 * count : 250, margin: { l: 10, r: 10, t: isStacked ? 45 : 60, b: 5 } });
  const rows = [];
  const data = parameters.map((parameter, place) => {
    const days = daysOf(station, parameter.field);
    const highest = highestDay(days.filter(isComparable));
    const published = state.invalid ? highestDay(days.filter(isDoubtful)) : null;
    rows.push([axisOf(parameter), t("valid"), number(highest?.value, 4), highest?.date ?? "–", number(parameter.guideline)]);
    if (published) rows.push([axisOf(parameter), t("notValid"), number(published.value, 4), published.date, number(parameter.guideline)]);
    const [left, right] = isStacked ? [0, 1] : share(place, count);
    const [bottom, top] = isStacked ? share(count - 1 - place, count, 0.06) : [0, 1];
    const below = [highest ? dateText(highest.date) : t("noValidDay")];
    if (published) below.push(t("publishedHighest", { value: number(published.value), unit: parameter.unit }).replace(": ", ":<br>"));
    layout.annotations.push({
      text: below.join("<br>"), x: (left + right) / 2, xanchor: "center", y: bottom, xref: "paper", yref: "paper", yanchor: "bottom", showarrow: false,
      font: { size: 11, color: colour("faint") },
    });
    const within = (from, to, part) => from + part * (to - from);
    return {
      type: "indicator", mode: highest ? "gauge+number" : "gauge", value: highest?.value ?? null,
      meta: { station: station.name, field: parameter.field },
      title: { text: `${parameter.label} (${t("limitShort", { value: number(parameter.guideline) })})`, font: { size: 13 } },
      number: { suffix: ` ${parameter.unit}`, valueformat: ".3g", font: { size: 18 } },
      domain: {
        x: [within(left, right, 0.14), within(left, right, 0.86)], y: [within(bottom, top, 0.25), within(bottom, top, isStacked ? 0.85 : 1)],
      },
      gauge: {
        axis: { range: [0, Math.max(2 * parameter.guideline, 1.1 * (highest?.value ?? 0))], tickcolor: colour("line") }, bordercolor: colour("line"),
        bar: { color: highest && highest.value > parameter.guideline ? colour("rise") : colour("first") },
        bgcolor: colour("raised"),
        threshold: { line: { color: colour("limit"), width: 4 }, thickness: 0.9, value: parameter.guideline },
      },
    };
  });
  return {
    title: t("gaugesTitle", { station: titleOf(station) }),
    label: rows.map((row) => `${row[0]}: ${row[2]}, ${row[3]}, ${row[1]}`).join("; "), data, layout,
    table: { columns: [t("pollutant"), t("validity"), t("highestMean"), t("date"), t("limitColumn")], rows: () => rows },
  };
}

function waterfall(station, parameter) {
  const months = monthsOf(station, parameter.field);
  const steps = months.map((month, place) => ({ ...month, former: place ? months[place - 1] : null }));
  const bars = (isValid, name, marker) => {
    const shown = steps.filter((step) => step.former && (step.isValid && step.former.isValid) === isValid);
    return {
      type: "bar", name, x: shown.map((step) => `${step.month}-01`), base: shown.map((step) => step.former.value),
      y: shown.map((step) => step.value - step.former.value), marker: marker(shown), xperiod: "M1", xperiodalignment: "middle",
      width: 26 * 86400e3,
      customdata: shown.map((step) => [number(step.value, 4), validityText(step), step.former.month]),
      hovertemplate: `%{x|%b %Y}: %{y:+.3g} ${parameter.unit} (${t("against")} %{customdata[2]})<br>${t("mean")} %{customdata[0]} ${parameter.unit}, %{customdata[1]}<extra></extra>`,
    };
  };
  const levels = (isValid, symbol, name, shade) => {
    const shown = steps.filter((step) => step.isValid === isValid);
    return {
      type: "scatter", mode: "markers", name, x: shown.map((step) => `${step.month}-01`), y: shown.map((step) => step.value),
      xperiod: "M1", xperiodalignment: "middle", marker: { symbol, size: 7, color: shade },
      hovertemplate: `%{x|%b %Y}: ${t("mean")} %{y:.4g} ${parameter.unit}, %{customdata}<extra></extra>`,
      customdata: shown.map(validityText), meta: { station: station.name, field: parameter.field, isValid },
    };
  };
  const isRise = (step) => step.value > step.former.value;
  const data = [
    bars(true, t("change"), (shown) => ({ color: shown.map((step) => colour(isRise(step) ? "rise" : "fall")) })),
    bars(false, t("changeNotValid"), () => ({ color: "rgba(0,0,0,0)", line: { color: colour("invalid"), width: 1.5 } })),
    levels(true, "circle", `${t("mean")}, ${t("valid")}`, colour("ink")),
    levels(false, "circle-open", `${t("mean")}, ${t("notValid")}`, colour("invalid")),
  ].filter((trace) => trace.x.length);
  const layout = chartLayout([station], {
    height: 300, bargap: 0.15, xaxis: { type: "date", dtick: steps.length > 24 ? undefined : steps.length > 12 ? "M3" : "M1", tickformat: "%b\n%Y" },
    yaxis: { title: { text: axisOf(parameter) } }, barmode: "overlay", showlegend: false,
  });
  const last = steps.at(-1);
  return {
    title: t("waterfallTitle", { label: parameter.label, station: titleOf(station) }),
    legend: [[colour("rise"), t("rise")], [colour("fall"), t("fall")], [null, t("hollow")]],
    label: last ? `${last.month}: ${number(last.value)} ${parameter.unit}` : t("noDays"), data, layout,
    table: {
      columns: [t("month"), axisOf(parameter), t("change"), t("validity")],
      rows: () => steps.map((step) => [
        step.month, number(step.value, 4), step.former ? number(step.value - step.former.value, 4) : "–", validityText(step),
      ]).reverse(),
    },
  };
}

function stationsMap() {
  const placed = content.stations.filter((station) => station.latitude !== null && station.longitude !== null);
  const unplaced = content.stations.filter((station) => !placed.includes(station));
  const index = (station) => (hasIndex(station) ? station.now.aqi : null);
  const middle = placed.length ? placed.reduce((sum, station) => sum + station.latitude, 0) / placed.length : 0;
  const layout = chartLayout(placed, {
    height: 320, showlegend: false, xaxis: { title: { text: t("longitude") }, ticksuffix: "°" },
    yaxis: { title: { text: t("latitude") }, ticksuffix: "°", scaleanchor: "x", scaleratio: 1 / Math.cos((middle * Math.PI) / 180) },
  });
  const span = 0.02;
  if (placed.length === 1) {
    layout.xaxis.range = [placed[0].longitude - span, placed[0].longitude + span];
    layout.yaxis.range = [placed[0].latitude - span, placed[0].latitude + span];
  }
  const word = (station) => (index(station) === null ? (isAway(station) ? t("awayShort") : t("noIndex")) : `${index(station)}, ${t(`aqi${band(index(station))}`)}`);
  return {
    title: t("mapTitle"), note: unplaced.length ? t("unplaced", { stations: unplaced.map(titleOf).join(", ") }) : "",
    label: content.stations.map((station) => `${titleOf(station)}: ${word(station)}`).join("; "),
    data: [{
      type: "scatter", mode: placed.length > 12 ? "markers" : "markers+text", x: placed.map((station) => station.longitude),
      y: placed.map((station) => station.latitude), text: placed.map((station) => station.name), textposition: "top center",
      customdata: placed.map(word), hovertemplate: "%{text}: %{customdata}<extra></extra>", meta: { stations: placed.map((station) => station.name) },
      marker: {
        size: 16, line: { color: colour("ink"), width: 1.5 },
        color: placed.map((station) => (index(station) === null ? colour("raised") : content.aqi[band(index(station))].colour)),
      },
    }],
    layout,
    table: {
      columns: [t("station"), t("indexColumn"), t("latitude"), t("longitude")],
      rows: () => byWorst(content.stations).map((station) => [titleOf(station), word(station), station.latitude ?? "–", station.longitude ?? "–"]),
    },
    onClick: (point) => choose({ station: placed[point.pointNumber].name }),
  };
}
