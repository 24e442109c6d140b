// Puts the page together and follows the choices.

function choose(changes) {
  const former = state.station;
  Object.assign(state, changes);
  // A station is not compared with itself.
  if (state.other === state.station) {
    if (changes.other) state.station = former === state.other ? content.stations.find(({ name }) => name !== state.other).name : former;
    else state.other = former;
  }
  writeState();
  show();
}

function fillSelect(id, entries, value) {
  const select = document.getElementById(id);
  select.replaceChildren(...entries.map(([key, word, lang]) => element("option", { value: key, lang }, word)));
  select.value = value;
}

function show() {
  document.documentElement.lang = state.language;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t, { hours: content.valid_hours });
  document.title = `${content.network.name} · ${t("title")}`;
  document.querySelector("h1").textContent = document.title;
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === state.language));
  for (const button of document.querySelectorAll("[data-days]")) button.setAttribute("aria-pressed", String(Number(button.dataset.days) === state.days));
  const names = content.stations.map((station) => [station.name, titleOf(station)]);
  fillSelect("station", names, state.station);
  fillSelect("other", names.filter(([name]) => name !== state.station), state.other);
  fillSelect("pollutant", pollutants().map((parameter) => [parameter.field, axisOf(parameter)]), state.pollutant);
  document.getElementById("compared").hidden = content.stations.length < 2;
  document.getElementById("invalid").checked = state.invalid;
  document.getElementById("simulated").hidden = !content.stations.some((station) => station.is_simulated);
  tellAge();
  drawPairs();
  drawDownloads();
  layOut();
}

// Ages grow while the page stays open.
function tellAge() {
  document.getElementById("made").textContent = t("made", { moment: momentText(content.made_at), zone: content.network.time_zone });
  const outdated = document.getElementById("outdated");
  outdated.hidden = hoursSince(content.made_at) <= content.stalled_after_hours;
  if (!outdated.hidden) outdated.textContent = t("outdated", { age: ageText(content.made_at) });
  drawCards();
}

function listen() {
  document.getElementById("languages").addEventListener("click", ({ target }) => target.dataset.language && choose({ language: target.dataset.language }));
  document.getElementById("ranges").addEventListener("click", ({ target }) => target.dataset.days && choose({ days: Number(target.dataset.days) }));
  document.getElementById("more").addEventListener("click", () => { areAllShown = !areAllShown; drawCards(); });
  for (const id of ["station", "other", "pollutant", "pair"]) document.getElementById(id).addEventListener("change", ({ target }) => choose({ [id]: target.value }));
  document.getElementById("pair-pollutant").addEventListener("change", ({ target }) => choose({ pollutant: target.value }));
  document.getElementById("invalid").addEventListener("change", ({ target }) => choose({ invalid: target.checked }));
  for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => { readState(); show(); });
  window.addEventListener("beforeprint", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  setInterval(tellAge, 60e3);
}

async function start() {
  if (!window.DecompressionStream || !window.IntersectionObserver || !Map.groupBy) {
    document.getElementById("too-old").hidden = false;
    return;
  }
  const [values, plotly] = await Promise.all([unpacked("content"), unpacked("plotly")]);
  content = JSON.parse(values);
  document.head.append(element("script", {}, plotly));
  registerLocale();
  readState();
  writeState();
  listen();
  show();
  document.documentElement.dataset.ready = "";
}

start();
