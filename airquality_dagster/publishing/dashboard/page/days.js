// The days and months of a station, as the charts take them from the content.

const EVER = "0000-01-01";
// What the slider leads back to, unless all is asked for: ten years of days take seconds to draw.
const SLIDER_DAYS = 730;

const sliderStart = () => (state.days ? addDays(lastDate(), 1 - Math.max(state.days, SLIDER_DAYS)) : EVER);

function lastDate() {
  return content.stations.map(endOf).filter(Boolean).sort().at(-1) ?? content.made_at.slice(0, 10);
}

function endOf(station) {
  return station.days.start && addDays(station.days.start, station.days.expected.length - 1);
}

function firstDate() {
  if (state.days) return addDays(lastDate(), 1 - state.days);
  return content.stations.map((station) => station.days.start).filter(Boolean).sort()[0] ?? lastDate();
}

// The days of a pollutant from a date on; those without a day have no value. A day with a reason has no valid mean.
function daysOf(station, field, from = firstDate()) {
  const { start, expected, reasons } = station.days;
  if (!start) return [];
  const series = station.days[field];
  const days = [];
  for (let place = Math.max(0, (Date.parse(from) - Date.parse(start)) / 86400e3); place < expected.length; place++) {
    const [value, reason] = [series.value[place], reasons[series.reason[place]] ?? null];
    days.push({
      date: addDays(start, place), value, reason, isValid: value !== null && reason === null,
      hours: series.hours[place], expected: expected[place], aqi: series.aqi[place], isLeftOut: series.left_out?.[place] === 1,
    });
  }
  return days;
}

const isValidDay = (day) => day.isValid;
// In no index, and not to be compared with a guideline, though the readings are valid.
const isComparable = (day) => day.isValid && !day.isLeftOut;
const isDoubtful = (day) => day.value !== null && !day.isValid;
const isShown = (day) => day.isValid || (state.invalid && isDoubtful(day));
const shownDays = (station, field, from) => daysOf(station, field, from).filter(isShown);
const shownValues = (station, field) => shownDays(station, field, sliderStart()).map((day) => day.value);

// {stuck: 15, missing: 3} → in words.
function reasonText(reason) {
  return Object.entries(reason).map(([flag, hours]) => `${t(`flag_${flag}`)} ${hours} h`).join(", ");
}

function validityText(day) {
  if (day.isValid) return day.isLeftOut ? t("validLeftOut") : t("valid");
  return [t("notValid"), reasonText(day.reason ?? {})].filter(Boolean).join(": ");
}

const hoursText = (day) => `${t("hoursOf", { n: day.hours, of: day.expected })}, ${validityText(day)}`;

// The times in which the station was away from its place, as far as they are shown: first and last day of each. Days
// without a reading end none.
function awayTimes(station, from = firstDate()) {
  const times = [];
  let isOpen = false;
  for (const day of daysOf(station, content.headlines[0], from)) {
    if (day.reason?.off_site) {
      if (isOpen) times.at(-1).last = day.date;
      else times.push({ first: day.date, last: day.date });
      isOpen = true;
    } else if (day.value !== null) isOpen = false;
  }
  return times;
}

// The same in words, for the note of a chart.
function awayText(station) {
  const times = awayTimes(station).map(({ first, last }) => (first === last ? dateText(first) : `${dateText(first)} – ${dateText(last)}`));
  return times.length ? t("awayNote", { station: titleOf(station), times: times.join(", ") }) : "";
}

// What the note of a chart says of a pollutant that is in no index on some of the days shown.
function leftOutText(station, parameter) {
  return daysOf(station, parameter.field).some((day) => day.isLeftOut) ? t("leftOutNote", { label: parameter.label }) : "";
}

function latestText(station, parameter) {
  const day = shownDays(station, parameter.field).at(-1);
  if (!day) return t("noDays");
  return `${parameter.label} ${number(day.value)} ${parameter.unit}, ${dateText(day.date)}, ${day.isValid ? t("valid") : t("notValid")}`;
}

function highestDay(days) {
  return days.reduce((highest, day) => (highest === null || day.value > highest.value ? day : highest), null);
}

// The months of the chosen range, as far as they are shown.
function monthsOf(station, field) {
  const { start, reasons } = station.months;
  if (!start) return [];
  const series = station.months[field];
  const months = series.value.map((value, place) => {
    const month = new Date(`${start}-01T00:00:00Z`);
    month.setUTCMonth(month.getUTCMonth() + place);
    const reason = reasons[series.reason[place]] ?? null;
    return { month: month.toISOString().slice(0, 7), value, reason, isValid: value !== null && reason === null };
  });
  return months.filter((month) => isShown(month) && month.month >= firstDate().slice(0, 7));
}
