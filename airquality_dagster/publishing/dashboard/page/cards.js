// What a citizen reads in ten seconds: index, main pollutant, whether the numbers are valid, what is wrong.

const MOST_CARDS = 6;
// Flags that say little of one hour, or that the page says elsewhere.
const QUIET_FLAGS = new Set(["provisional", "humid", "unconfirmed"]);
let areAllShown = false;
const isCurrent = (station) => station.now !== null && hoursSince(station.now.hour) <= content.late_after_hours;

// Where a station is, if the network says it; whether that is elsewhere than at its place.
const stayOf = (station) => station.stays.at(-1) ?? null;
const isAway = (station) => Boolean(stayOf(station) && !stayOf(station).is_on_site) || Boolean(station.now?.is_off_site);
const hasIndex = (station) => isCurrent(station) && station.now.aqi !== null && !isAway(station);

// Stations with the worst air first; those without a current index last.
function byWorst(stations) {
  const rank = (station) => (hasIndex(station) ? station.now.aqi : -1);
  return [...stations].sort((one, other) => rank(other) - rank(one));
}

function drawCards() {
  const isLarge = content.stations.length > MOST_CARDS;
  const ranked = isLarge ? byWorst(content.stations) : content.stations;
  // Of a large network: those with the worst air, and those chosen for the charts.
  const stations = ranked.filter((station, place) => areAllShown || place < MOST_CARDS || chosen().includes(station));
  const more = document.getElementById("more");
  more.hidden = !isLarge;
  more.textContent = areAllShown ? t("fewerStations", { n: MOST_CARDS }) : t("allStations", { n: ranked.length });
  const cards = document.getElementById("cards");
  // The keyboard stays on the button that was pressed.
  const focused = cards.contains(document.activeElement) ? document.activeElement.dataset.button : null;
  // Cards are drawn every minute: what somebody has opened stays open.
  const opened = new Set([...cards.querySelectorAll("details[open]")].map((details) => details.closest(".card").dataset.station));
  cards.replaceChildren(...stations.map(card));
  for (const details of cards.querySelectorAll("details")) details.open = opened.has(details.closest(".card").dataset.station);
  if (focused) cards.querySelector(`[data-button="${focused}"]`)?.focus();
}

function card(station) {
  const made = element("article", { class: "card", "data-station": station.name, "aria-label": titleOf(station) });
  made.append(element("h3", {}, titleOf(station)));
  const stay = stayOf(station);
  const place = [station.city, stay?.is_on_site ? stayText(stay) : ""].filter(Boolean).join(" · ");
  if (place) made.append(element("p", { class: "small" }, place));
  made.append(
    bandOf(station), ...notesOf(station), ...valuesOf(station), ...forecastOf(station), ...sparkOf(station), problemsOf(station), ...staysOf(station), choicesOf(station),
  );
  return made;
}

function bandOf(station) {
  const now = station.now;
  if (!hasIndex(station)) {
    return element("div", { class: "band" }, element("span", { class: "word" }, t("noIndex")), element("span", {}, whyNoIndex(station)));
  }
  const place = band(now.aqi);
  const { colour: paper, ink } = content.aqi[place];
  const made = element("div", { class: "band" });
  made.style.background = paper;
  made.style.color = ink;
  made.append(
    element("strong", {}, String(now.aqi)),
    element(
      "span", {},
      element("span", { class: "word" }, t(`aqi${place}`), now.is_unconfirmed ? ` · ${t("unconfirmed")}` : ""), element("br"),
      element("span", { class: "small" }, t("aqiName", { pollutant: parameterOf(now.pollutant).label, since: momentText(now.since) })),
    ),
  );
  return made;
}

function whyNoIndex(station) {
  if (station.now === null) return t("nothingStored");
  if (isAway(station)) return t("awayShort");
  return isCurrent(station) ? t("noValidPm") : t("noCurrent");
}

// What a reader must know before the numbers.
function notesOf(station) {
  const lines = station.notes.map((note) => noteText(note));
  if (isAway(station)) {
    const stay = stayOf(station);
    const where = stay && !stay.is_on_site ? t("awayWhere", { since: momentText(stay.start), where: stayText(stay, false) }) : "";
    lines.unshift([where, t("awayNow", { home: station.home })].filter(Boolean).join(" "));
  }
  return lines.map((line) => element("p", { class: "note" }, line));
}

function noteText(note) {
  if (note.kind === "left_out") {
    const values = { label: parameterOf(note.field).label, other: note.mirrors && parameterOf(note.mirrors).label };
    return t(note.mirrors ? "leftOutMirrors" : "leftOut", values);
  }
  const isChange = note.changes.some(({ before }) => before !== null);
  const changes = note.changes.map(({ field, before, value }) => {
    const { label, unit } = parameterOf(field);
    return t(before === null ? "changeOf" : "changeFrom", { label, unit, before: number(before), value: number(value) });
  });
  const since = note.changes.map((change) => change.since).sort()[0];
  return t(isChange ? "changing" : "tooFewAround", { changes: changes.join(", "), since: hourText(since) });
}

// Place, kind and surface, and since when.
function stayText(stay, withSince = true) {
  const word = (kind, value) => TEXTS[`${kind}_${value}`]?.[state.language] ?? value;
  const facts = [stay.kind && word("kind", stay.kind), stay.surface && word("surface", stay.surface)].filter(Boolean).join(", ");
  const where = stay.place && facts ? `${stay.place} (${facts})` : stay.place || facts;
  if (!withSince) return where;
  const since = momentText(stay.start);
  return `${where}, ${stay.end === null ? t("since", { since }) : t("fromTo", { from: since, to: momentText(stay.end) })}`;
}

// Where it stood before, for those who read its past.
function staysOf(station) {
  if (station.stays.length < 2) return [];
  const lines = [...station.stays].reverse().map((stay) => element("li", {}, stayText(stay), stay.is_on_site || stay.kind === "none" ? "" : ` · ${t("awayShort")}`));
  return [element("details", {}, element("summary", { "data-button": `stays ${station.name}` }, t("stays")), element("ul", {}, ...lines))];
}

function valuesOf(station) {
  const now = station.now;
  if (now === null) return [];
  const rows = headlines().map((parameter, place) => {
    const reading = now.readings[parameter.field];
    const isUnconfirmed = reading.is_valid && reading.flags.includes("unconfirmed");
    const flags = flagsToSay(reading).map((flag) => t(`flag_${flag}`));
    const verdict = reading.value === null ? t("noReading") : isUnconfirmed ? t("unconfirmed") : reading.is_valid ? t("valid") : t("notValid");
    const mark = reading.value === null || !reading.is_valid ? "✗ " : isUnconfirmed ? "… " : "✓ ";
    return element(
      "p", { class: place ? "" : "value" },
      `${parameter.label} ${reading.value === null ? "–" : `${number(reading.value)} ${parameter.unit}`} `,
      element("span", { class: "mark" }, mark, verdict),
      flags.length ? ` (${flags.join(", ")})` : "",
    );
  });
  const said = [t("ofHour", { hour: momentText(now.hour), age: ageText(now.hour) })];
  if (now.is_provisional) said.push(t("provisional"));
  said.push(t("storedHours", { n: now.stored_hours }));
  if (now.eaqi !== null && !isAway(station)) said.push(t("eaqi", { word: t(`eaqi${now.eaqi}`) }));
  else if (now.eaqi_withheld) said.push(t("eaqiWithheld", { reason: t(`withheld_${now.eaqi_withheld}`) }));
  const { days, valid_days: valid } = now.exceedances;
  if (valid) said.push(t("exceedances", { n: days, of: valid, label: headlines()[0].label }));
  return [...rows, element("p", { class: "small" }, said.join(" · "))];
}

// Of a reading that is not valid: why. Elsewhere than at its place, nothing else matters.
function flagsToSay({ flags, is_valid: isValid }) {
  if (flags.includes("off_site")) return ["off_site"];
  return flags.filter((flag) => (isValid ? !QUIET_FLAGS.has(flag) : flag in CAUSES));
}

function sparkOf(station) {
  const values = station.now?.last_hours ?? [];
  const valid = values.filter((value) => value !== null);
  if (!valid.length) return [];
  const { label, unit, guideline } = headlines()[0];
  const highest = Math.max(guideline, ...valid);
  const place = (value) => 46 - (44 * Math.max(value, 0)) / highest;
  let path = "";
  values.forEach((value, hour) => {
    if (value !== null) path += `${hour && values[hour - 1] !== null ? "L" : "M"}${hour},${place(value).toFixed(1)}h.01`;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const name = t("sparkName", { label, unit, hours: values.length, highest: number(Math.max(...valid)) });
  for (const [key, value] of Object.entries({
    class: "spark", viewBox: `0 0 ${values.length - 1} 48`, preserveAspectRatio: "none", role: "img", "aria-label": name,
  })) svg.setAttribute(key, value);
  const limit = place(guideline).toFixed(1);
  svg.innerHTML = `<line x1="0" x2="${values.length - 1}" y1="${limit}" y2="${limit}"/><path d="${path}"/>`;
  return [element("div", {}, element("p", { class: "small" }, t("spark", { label, hours: values.length })), svg)];
}

function problemsOf(station) {
  const lines = station.problems.map((problem) =>
    element("li", { class: problem.must_act ? "act" : "" }, problemText(problem, station)),
  );
  if (!lines.length) return element("p", { class: "small" }, t("noProblem"));
  return element("ul", { "aria-label": t("problems") }, ...lines);
}

function problemText(problem, station) {
  if (problem.kind === "none") return t("nothingStored");
  if (problem.kind === "silent") return t("silent", { since: momentText(problem.since), age: ageText(problem.since) });
  const parameter = parameterOf(problem.field);
  const values = { label: labelOf(parameter), cause: t(`flag_${problem.cause}`), n: problem.valid_hours };
  if (problem.kind === "partial") return t("partial", values);
  const value = problem.value === null ? "" : ` (${number(problem.value)} ${parameter.unit})`;
  const since = problem.since === null ? t("sinceEver") : t("since", { since: momentText(problem.since) });
  return t("sensor", { ...values, value, since });
}

function choicesOf(station) {
  if (content.stations.length < 2) return "";
  const show = element("button", { type: "button", "data-button": `show ${station.name}`, "aria-pressed": String(state.station === station.name) }, t("show"));
  const compare = element("button", { type: "button", "data-button": `compare ${station.name}`, "aria-pressed": String(state.other === station.name) }, t("compareThis"));
  show.addEventListener("click", () => choose({ station: station.name }));
  compare.addEventListener("click", () => choose({ other: station.name }));
  return element("div", { class: "choose", role: "group", "aria-label": titleOf(station) }, show, compare);
}
