// The charts that specialists expect: calendar, hours of the week, months, data capture, restatements.

// Discrete colours as a heat map's scale: each band from one edge to the next.
function discreteScale(colours) {
  return colours.flatMap((shade, place) => [[place / colours.length, shade], [(place + 1) / colours.length, shade]]);
}

// A row a month, a column a day.
function calendar(station, parameter) {
  const days = daysOf(station, parameter.field);
  const months = [...new Set(days.map((day) => day.date.slice(0, 7)))];
  const rowOf = new Map(months.map((month, place) => [month, place]));
  const grid = (empty) => months.map(() => Array(31).fill(empty));
  const [bands, texts, cells] = [grid(null), grid(""), grid("")];
  const hollow = { x: [], y: [] };
  for (const day of days) {
    if (day.value === null || !(day.isValid || state.invalid)) continue;
    const [row, column] = [rowOf.get(day.date.slice(0, 7)), Number(day.date.slice(8)) - 1];
    if (day.aqi !== null) bands[row][column] = band(day.aqi);
    const index = day.aqi === null ? t("noIndex") : `${t("aqiShort")} ${day.aqi}, ${t(`aqi${band(day.aqi)}`)}`;
    texts[row][column] = `${dateText(day.date)}: ${number(day.value, 4)} ${parameter.unit}<br>${index}<br>${hoursText(day)}`;
    cells[row][column] = number(day.value, 2);
    if (!day.isValid) {
      hollow.x.push(column + 1);
      hollow.y.push(months[row]);
    }
  }
  const layout = chartLayout([station], {
    height: Math.max(240, 90 + (isNarrow() ? 15 : 22) * months.length), showlegend: false,
    xaxis: { range: [0.5, 31.5], dtick: isNarrow() ? 5 : 2, tick0: 1, title: { text: t("dayOfMonth") } },
    yaxis: { type: "category", autorange: "reversed", categoryarray: months },
    margin: { l: 60, r: 10, t: 10, b: 40 },
  });
  const colours = content.aqi.map((one) => one.colour);
  return {
    title: t("calendarTitle", { label: axisOf(parameter), station: titleOf(station) }),
    note: [t("calendarNote", { label: parameter.label }), leftOutText(station, parameter), awayText(station)].filter(Boolean).join(". "),
    legend: [...content.aqi.map((one, place) => [one.colour, t(`aqi${place}`)]), [null, t("hollow")]],
    label: t("calendarLabel", {
      days: days.filter(isValidDay).length,
      bands: content.aqi.map((one, place) => `${t(`aqi${place}`)}: ${bands.flat().filter((found) => found === place).length}`).join(", "),
    }),
    data: [
      {
        type: "heatmap", x: [...Array(31).keys()].map((day) => day + 1), y: months, z: bands, zmin: -0.5, zmax: 5.5, text: cells,
        customdata: texts, colorscale: discreteScale(colours), showscale: false, xgap: 1, ygap: 1, hoverongaps: false,
        hovertemplate: "%{customdata}<extra></extra>", meta: { station: station.name, field: parameter.field },
      },
      {
        type: "scatter", mode: "text", x: cells.flatMap((row) => row.map((_, day) => day + 1)), y: months.flatMap((month) => Array(31).fill(month)),
        text: isNarrow() || months.length > 36 ? [] : cells.flat(), hoverinfo: "skip",
        textfont: { size: 9, color: bands.flat().map((found) => (found === null ? colour("faint") : content.aqi[found].ink)) },
      },
      {
        type: "scatter", mode: "markers", ...hollow, hoverinfo: "skip",
        marker: { symbol: "square-open", size: isNarrow() ? 8 : 15, color: colour("invalid") },
      },
    ],
    layout, table: dailyTable([station], [parameter]),
  };
}

function weekdays(style) {
  return [...Array(7).keys()].map((day) => new Date(Date.UTC(2024, 0, 1 + day)).toLocaleDateString(locale(), { weekday: style, timeZone: "UTC" }));
}

function profile(station, parameter) {
  const { start, end } = station.profile;
  const series = start ? station.profile[parameter.field] : { value: Array(168).fill(null), hours: Array(168).fill(0) };
  const week = (values) => [...Array(7).keys()].map((day) => values.slice(24 * day, 24 * day + 24));
  const means = week(series.value);
  const layout = chartLayout([station], {
    height: 300, xaxis: { title: { text: t("hourOfDay", { zone: content.network.time_zone }) }, dtick: 3, range: [-0.5, 23.5] },
    yaxis: { type: "category", autorange: "reversed", categoryarray: weekdays("short") }, margin: { l: 50, r: 10, t: 10, b: 45 },
  });
  const found = series.value.map((value, hour) => ({ value, hour })).filter(({ value }) => value !== null);
  const highest = found.reduce((one, other) => (other.value > one.value ? other : one), found[0]);
  return {
    title: t("profileTitle", { label: axisOf(parameter), station: titleOf(station) }),
    note: start ? [t("profileNote", { start: dateText(start), end: dateText(end) }), leftOutText(station, parameter)].filter(Boolean).join(". ") : "",
    label: highest
      ? t("profileLabel", { value: number(highest.value), unit: parameter.unit, day: weekdays("long")[Math.floor(highest.hour / 24)], hour: highest.hour % 24 })
      : t("noDays"),
    data: [{
      type: "heatmap", x: [...Array(24).keys()], y: weekdays("short"), z: means, customdata: week(series.hours), colorscale: SEQUENTIAL,
      hoverongaps: false, colorbar: { title: { text: parameter.unit, side: "right" }, thickness: 12 }, xgap: 1, ygap: 1,
      hovertemplate: `%{y} %{x} h: %{z:.4g} ${parameter.unit}<br>${t("hoursCount")}: %{customdata}<extra></extra>`,
      meta: { station: station.name, field: parameter.field },
    }],
    layout,
    table: {
      columns: [t("hour"), ...weekdays("short").map((day) => `${day} (${parameter.unit})`)],
      rows: () => [...Array(24).keys()].map((hour) => [hour, ...means.map((day) => number(day[hour], 4))]),
    },
  };
}

function monthlyBoxes(station, parameter) {
  const days = daysOf(station, parameter.field);
  const valid = days.filter(isValidDay);
  const doubtful = state.invalid ? days.filter(isDoubtful) : [];
  const layout = chartLayout([station], {
    xaxis: { type: "date", tickformat: "%b\n%Y" }, yaxis: { title: { text: axisOf(parameter) } }, showlegend: false, height: 320,
  });
  if (!valid.length || valid.some(isComparable)) limitLine(layout, parameter, [...valid, ...doubtful].map((day) => day.value));
  const months = Map.groupBy(valid, (day) => day.date.slice(0, 7));
  const quantile = (sorted, share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  };
  const common = { xperiod: "M1", xperiodalignment: "middle" };
  return {
    title: t("boxesTitle", { label: axisOf(parameter), station: titleOf(station) }),
    note: [t("boxesNote"), leftOutText(station, parameter)].filter(Boolean).join(". "),
    label: t("boxesLabel", { n: valid.length, months: new Set(valid.map((day) => day.date.slice(0, 7))).size }),
    data: [
      {
        type: "box", x: valid.map((day) => `${day.date.slice(0, 7)}-01`), y: valid.map((day) => day.value), ...common, boxpoints: "outliers",
        quartilemethod: "linear", marker: { color: colour("first"), size: 4 }, line: { width: 1.5 }, name: t("valid"), hoverinfo: "y",
        yhoverformat: ".3g", meta: { station: station.name, field: parameter.field },
      },
      {
        type: "scatter", mode: "markers", x: doubtful.map((day) => `${day.date.slice(0, 7)}-01`), y: doubtful.map((day) => day.value), ...common,
        customdata: doubtful.map((day) => `${dateText(day.date)}: ${number(day.value, 4)} ${parameter.unit}<br>${hoursText(day)}`),
        hovertemplate: "%{customdata}<extra></extra>", marker: { symbol: "circle-open", size: 5, color: colour("invalid") }, name: t("notValid"),
      },
    ].filter((trace) => trace.x.length),
    layout,
    table: {
      columns: [t("month"), t("validDays"), ...["lowest", "quarter", "median", "threeQuarters", "highest"].map((name) => `${t(name)} (${parameter.unit})`)],
      rows: () => [...months].map(([month, values]) => {
        const sorted = values.map((day) => day.value).sort((one, other) => one - other);
        return [month, sorted.length, ...[0, 0.25, 0.5, 0.75, 1].map((share) => number(quantile(sorted, share), 4))];
      }).reverse(),
    },
  };
}

// Each sensor and day: complete, valid, or the main reason why it is not valid.
function capture(station) {
  const { start, reasons } = station.capture;
  const kinds = Object.keys(CAUSES);
  const length = start ? station.capture[content.parameters[0].field].percent.length : 0;
  const dates = [...Array(length).keys()].map((place) => addDays(start, place));
  const first = dates.findIndex((date) => date >= firstDate());
  const shown = first < 0 ? [] : dates.slice(first);
  const main = (reason) => {
    const counts = Object.entries(reason).filter(([flag]) => kinds.includes(flag));
    // Of equal ones, where the station was says more than how its sensors were.
    return counts.sort((one, other) => other[1] - one[1] || (other[0] === "off_site") - (one[0] === "off_site"))[0]?.[0] ?? "missing";
  };
  const cells = content.parameters.map((parameter) => shown.map((date, place) => {
    const series = station.capture[parameter.field];
    const [percent, reason] = [series.percent[first + place], series.reason[first + place]];
    if (percent === null) return { kind: "missing", percent: 0, text: t("noDay") };
    if (reason === null) return { kind: percent >= 100 ? "complete" : "valid", percent, text: t("valid") };
    return { kind: main(reasons[reason]), percent, text: reasonText(reasons[reason]) };
  }));
  const labels = content.parameters.map(labelOf);
  const layout = chartLayout([station], {
    height: 320, xaxis: { type: "date" }, yaxis: { type: "category", autorange: "reversed", categoryarray: labels }, margin: { l: 110, r: 10, t: 10, b: 35 },
  });
  const legend = kinds.map((kind) => [CAUSES[kind], kind === "complete" || kind === "valid" ? t(kind === "valid" ? "validDay" : "completeDay", { hours: content.valid_hours }) : t(`flag_${kind}`)]);
  return {
    title: t("captureTitle", { station: titleOf(station) }), note: t("captureNote"), legend,
    label: content.parameters.map((parameter, row) => `${labelOf(parameter)}: ${t("validDaysOf", {
      n: cells[row].filter((cell) => cell.kind === "complete" || cell.kind === "valid").length, of: shown.length })}`).join("; "),
    data: [{
      type: "heatmap", x: shown, y: labels, z: cells.map((row) => row.map((cell) => kinds.indexOf(cell.kind))), zmin: -0.5, zmax: kinds.length - 0.5,
      colorscale: discreteScale(Object.values(CAUSES)), showscale: false, ygap: 2,
      customdata: cells.map((row) => row.map((cell) => `${cell.percent} %<br>${cell.text}`)),
      hovertemplate: "%{y}, %{x|%d %b %Y}: %{customdata}<extra></extra>", meta: { station: station.name, percent: cells.map((row) => row.map((cell) => cell.percent)) },
    }],
    layout,
    table: {
      columns: [t("date"), ...labels.map((label) => `${label} (%)`)],
      rows: () => shown.map((date, place) => [date, ...cells.map((row) => row[place].percent)]).reverse(),
    },
  };
}

function restated(station) {
  const found = station.restatements.filter((one) => one.date >= firstDate());
  const layout = chartLayout([station], {
    height: 260, xaxis: dateAxis(), yaxis: { title: { text: t("restatedHours") }, rangemode: "tozero" }, showlegend: false,
  });
  if (!found.length) {
    layout.annotations.push({ text: t("noneRestated"), xref: "paper", yref: "paper", x: 0.5, y: 0.7, showarrow: false });
    layout.yaxis.range = [0, 1];
  }
  const period = (one) => (one.first === one.last ? dateText(one.first) : `${dateText(one.first)} – ${dateText(one.last)}`);
  return {
    title: t("restatedTitle", { station: titleOf(station) }), note: t("restatedNote"),
    label: t("restatedLabel", { n: found.reduce((sum, one) => sum + one.hours, 0) }),
    data: [{
      type: "bar", x: found.map((one) => one.date), y: found.map((one) => one.hours), marker: { color: colour("second") },
      customdata: found.map(period), hovertemplate: `%{x|%d %b %Y}: %{y} h<br>${t("hoursFrom")} %{customdata}<extra></extra>`,
      meta: { station: station.name },
    }],
    layout,
    table: {
      columns: [t("date"), t("restatedHours"), t("from"), t("to")],
      rows: () => found.map((one) => [one.date, one.hours, one.first, one.last]).reverse(),
    },
  };
}
