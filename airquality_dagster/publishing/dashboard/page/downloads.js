// The files of the stations, and under which licence they may be used.

// Files of a year: name before the year, ending, words. Years of days are local, those of hours in UTC.
const YEAR_FILES = [["days", "csv", "fileDays"], ["hours", "csv", "fileHours"], ["excel-fr-days", "csv", "fileExcel"], ["hours", "parquet", "fileParquet"]];

// A page that was opened as a file has no server beside it.
const isServed = () => location.protocol.startsWith("http");

function drawDownloads() {
  document.getElementById("licence").replaceChildren(...licenceText());
  const place = document.getElementById("downloads");
  document.getElementById("not-served").hidden = isServed();
  place.hidden = !isServed();
  document.getElementById("api").hidden = !isServed();
  if (!isServed()) return;
  const [files, docs] = document.querySelectorAll("#api a");
  files.href = content.network.files;
  docs.href = "/docs";
  place.replaceChildren(...chosen().filter(endOf).map(downloadsOf));
}

function downloadsOf(station) {
  const years = [];
  for (let year = Number(endOf(station).slice(0, 4)); year >= Number(station.days.start.slice(0, 4)); year--) years.push(year);
  const rows = years.map((year) => element("p", { class: "choose" }, element("b", {}, String(year)), ...YEAR_FILES.map(([kind, ending, word]) => element(
    "a", { class: "button", href: `${content.network.files}${station.name}/${kind}-${year}.${ending}`, download: true, "aria-label": `${titleOf(station)}, ${year}: ${t(word)}` }, t(word),
  ))));
  return element("div", { role: "group", "aria-label": titleOf(station) }, element("h3", {}, titleOf(station)), ...rows);
}

function licenceText() {
  const { licence, credit, contact } = content.network;
  const terms = licence
    ? [`${t("licence")} `, element("a", { href: licence.url, rel: "license" }, licence.name), ` (${licence.spdx}).`]
    : [t("noLicence")];
  const asked = contact && element("a", { href: contact.includes("://") ? contact : `mailto:${contact}` }, contact);
  return [...terms, ` ${t("credit", { credit })}`, ...(asked ? [` ${t("contact")} `, asked] : [])];
}
