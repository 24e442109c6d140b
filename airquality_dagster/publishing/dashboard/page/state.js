// What is shown: the content, the choices (kept in the address, so that a view can be shared), and words.

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
let content = null;

const state = { language: "en", station: null, other: null, days: 365, invalid: true, pollutant: null, pair: null };

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function readState() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const names = content.stations.map((station) => station.name);
  const preferred = navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en";
  state.language = ["en", "fr"].includes(asked.get("language")) ? asked.get("language") : preferred;
  state.station = names.includes(asked.get("station")) ? asked.get("station") : names[0];
  const others = names.filter((name) => name !== state.station);
  state.other = others.includes(asked.get("other")) ? asked.get("other") : (others[0] ?? null);
  state.days = ["7", "30", "365", "0"].includes(asked.get("days")) ? Number(asked.get("days")) : 365;
  state.invalid = asked.get("invalid") !== "hidden";
  state.pollutant = pollutants().some((one) => one.field === asked.get("pollutant")) ? asked.get("pollutant") : content.headlines[0];
  const pairs = content.pairs.map((pair) => pair.name);
  state.pair = pairs.includes(asked.get("pair")) ? asked.get("pair") : (pairs[0] ?? null);
}

function writeState() {
  const shown = new URLSearchParams({ language: state.language, station: state.station, days: state.days });
  if (state.other) shown.set("other", state.other);
  if (!state.invalid) shown.set("invalid", "hidden");
  shown.set("pollutant", state.pollutant);
  if (content.pairs.length > 1) shown.set("pair", state.pair);
  history.replaceState(null, "", `#${shown}`);
}

function t(key, values = {}) {
  const text = TEXTS[key][state.language];
  return text.replace(/\{(\w+)\}/g, (match, name) => values[name]);
}

// A day before its month and 24 hours, as in the networks that this is for.
const locale = () => (state.language === "fr" ? "fr" : "en-GB");
const stationOf = (name) => content.stations.find((station) => station.name === name);
const parameterOf = (field) => content.parameters.find((parameter) => parameter.field === field);
const pollutants = () => content.parameters.filter((parameter) => parameter.guideline !== undefined);
// The main one first; in charts it is below or last.
const headlines = () => content.headlines.map(parameterOf);
const charted = () => headlines().reverse();
const chosen = () => [state.station, state.other].filter(Boolean).map(stationOf);
const titleOf = (station) => (station.label ? `${station.name} (${station.label})` : station.name);
const labelOf = (parameter) => TEXTS[`label_${parameter.field}`]?.[state.language] ?? parameter.label;
const axisOf = (parameter) => `${labelOf(parameter)} (${parameter.unit})`;

// Intl writes a hyphen.
const withMinus = (text) => text.replace("-", "−");

function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return withMinus(value.toLocaleString(locale(), { maximumSignificantDigits: digits }));
}

// A local date of the aggregates has no time zone; it is written as it is.
function dateText(date, options = { day: "numeric", month: "short", year: "numeric" }) {
  return new Date(`${date.slice(0, 10)}T00:00:00Z`).toLocaleDateString(locale(), { timeZone: "UTC", ...options });
}

function momentText(moment) {
  if (moment.length === 10) return dateText(moment);
  return new Date(moment).toLocaleString(locale(), {
    timeZone: content.network.time_zone, day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
}

// Of an hour that is not long ago.
function hourText(moment) {
  return new Date(moment).toLocaleTimeString(locale(), { timeZone: content.network.time_zone, hour: "2-digit", minute: "2-digit" });
}

const hoursSince = (moment) => (Date.now() - new Date(moment)) / 3600e3;

function ageText(moment) {
  const minutes = Math.max(0, Math.floor(60 * hoursSince(moment)));
  if (minutes < 60) return t("minutes", { n: minutes });
  if (minutes < 48 * 60) return t("hoursAge", { n: Math.floor(minutes / 60) });
  return t("daysAge", { n: Math.floor(minutes / 1440) });
}

function addDays(date, days) {
  const moved = new Date(`${date}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

function band(aqi) {
  return content.aqi.findIndex((one) => one.highest === null || aqi <= one.highest);
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
