// Pairs of stations: what may be said about the difference of their air, and how sure that is, in words and numbers.

const pairOf = (name) => content.pairs.find((pair) => pair.name === name);
const stationsOf = (pair) => [pair.first, pair.second].map(stationOf);
const isSaid = (compared) => compared.withheld === null;

// Its question, else what is subtracted; and in which language that is.
function titleOfPair(pair) {
  const questions = { en: pair.question, fr: pair.question_fr };
  const lang = [state.language, ...Object.keys(questions)].find((language) => questions[language]);
  return lang ? { text: questions[lang], lang } : { text: minusText(pair), lang: state.language };
}

function minusText(pair) {
  const [first, second] = stationsOf(pair).map(titleOf);
  return t("minus", { first, second });
}

// Digits and minus sign are those of the sentences.
function differenceText(value, digits, signDisplay = "exceptZero") {
  if (value === null) return "–";
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven", signDisplay };
  return withMinus(value.toLocaleString(locale(), options));
}

const intervalText = ({ low, high }, digits) => (low === null ? t("noInterval") : t("interval", { low: differenceText(low, digits, "negative"), high: differenceText(high, digits, "negative") }));

// Of a large network: the chosen pair only.
function drawPairs() {
  const section = document.getElementById("pairs");
  section.hidden = !content.pairs.length;
  if (section.hidden) return;
  const pair = pairOf(state.pair);
  document.getElementById("pair-cards").replaceChildren(...(content.pairs.length > MOST_CARDS ? [pair] : content.pairs).map(pairCard));
  fillSelect("pair", content.pairs.map((one) => [one.name, titleOfPair(one).text, titleOfPair(one).lang]), state.pair);
  document.getElementById("pair-choice").hidden = content.pairs.length < 2;
  fillSelect("pair-pollutant", pollutants().map((parameter) => [parameter.field, axisOf(parameter)]), state.pollutant);
  const compared = comparedOf(pair);
  const note = document.getElementById("pair-note");
  note.hidden = !compared || isSaid(compared);
  if (!note.hidden) note.textContent = compared.said[state.language].join(" ");
}

// None of a pollutant that was added after the last comparison.
const comparedOf = (pair) => pair.fields.find((one) => one.field === state.pollutant);

function pairCard(pair) {
  const sites = stationsOf(pair).map((station) => {
    const stay = station.stays.findLast((one) => one.is_on_site);
    return [titleOf(station), stay && stayText(stay, false)].filter(Boolean).join(", ");
  });
  const { text, lang } = titleOfPair(pair);
  const id = `pair-title-${pair.name}`;
  return element(
    "article", { class: "card pair", "data-pair": pair.name, "aria-labelledby": id },
    element("h3", { id, lang }, text), element("p", { class: "small" }, t("minus", { first: sites[0], second: sites[1] })),
    element("div", { class: "said" }, ...pair.fields.map((compared) => {
      const [answer, ...rest] = compared.said[state.language];
      return element(
        "div", { class: isSaid(compared) ? "note" : "note nothing" }, element("p", { class: "answer" }, answer), ...rest.map((sentences) => element("p", { class: "small" }, sentences)),
      );
    })),
    element("div", {}, differencesTable(pair), element("p", { class: "small" }, t("whiskers"))),
  );
}

// Each pollutant: the numbers, and below them the same drawn.
function differencesTable(pair) {
  const head = ["", t("rawDifference"), t("oneScale"), t("instruments")].map((name) => element("th", { scope: "col" }, name));
  const cell = (difference, digits) => element(
    "td", {}, element("b", {}, differenceText(difference.mean, digits)), ...(difference.mean === null ? [] : [element("span", { class: "small" }, intervalText(difference, digits))]),
  );
  const rows = pair.fields.flatMap((compared) => {
    const numbers = element(
      "tr", { class: isSaid(compared) ? "" : "nothing" }, element("th", { scope: "row" }, labelOf(parameterOf(compared.field)), " ", element("span", { class: "small" }, parameterOf(compared.field).unit)), cell(compared.raw, compared.decimals), cell(compared.scale, compared.decimals),
      element("td", {}, compared.instruments === null || !isSaid(compared) ? "–" : `${Math.round(100 * compared.instruments)}\u00a0%`),
    );
    const drawn = compared.raw.mean === null ? [] : [element("tr", { "aria-hidden": "true", class: "drawn" }, element("td", { colspan: 4 }, whiskers(compared)))];
    return [numbers, ...drawn];
  });
  return element(
    "table", {}, element("caption", { class: "small" }, t("differences")), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows),
  );
}

// Both differences with their intervals, what it would be by single weeks side by side, and zero, on a scale of their own.
function whiskers({ raw, scale, windows, colocation, ...compared }) {
  const isAlone = (window) => window.start === colocation.start && colocation.share === 1;
  const others = windows.filter((window) => !isAlone(window) && window.difference !== null).map((window) => window.difference);
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
