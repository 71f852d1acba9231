// Keeps the page current: times tick every second, transfers move every two, the rest follows when something changed.
"use strict";

const POLL = 2000;
const STEPS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
let shown = null;

function relative(when) {
  const seconds = (when - Date.now()) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  const span = `${Math.floor(Math.abs(seconds) / length)} ${unit}`;
  return seconds < 0 ? `${span} ago` : `in ${span}`;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    time.textContent = relative(Date.parse(time.dateTime));
  }
}

function amount(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < 4) { bytes /= 1024; unit += 1; }
  return `${bytes.toFixed(unit ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function moving(one) {
  const row = element("li");
  const what = element("div");
  what.append(element("b", one.name), element("span", `${one.provider} · ${one.title || one.job}`, "quiet"));
  const bar = element("progress");
  if (one.size) { bar.max = one.size; bar.value = one.bytes; }
  const told = one.size ? `${amount(one.bytes)} of ${amount(one.size)}` : amount(one.bytes);
  row.append(what, bar, element("span", told, "amount"));
  return row;
}

function recent(one) {
  const row = element("li", `${one.name} `, one.error ? "failed" : "");
  if (one.error) row.title = one.error;
  row.append(element("span", `${one.provider} · ${amount(one.bytes)} in ${one.seconds} s`, "quiet"));
  return row;
}

function showTransfers(status) {
  document.getElementById("moving").replaceChildren(...status.transfers.slice(0, 25).map(moving));
  document.getElementById("recent").replaceChildren(...status.recent.map(recent));
  document.getElementById("still").hidden = status.transfers.length > 0;
  document.getElementById("transfers").hidden = status.transfers.length + status.recent.length === 0;
}

function summary(status) {
  const { transfers, recent, now, ...rest } = status;
  return JSON.stringify(rest);
}

async function follow() {
  const fresh = new DOMParser().parseFromString(await (await fetch("./")).text(), "text/html");
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!other) continue;
    for (const open of part.querySelectorAll("details[open]")) {
      const same = other.querySelector(`#${open.id}`);
      if (same) same.open = true;
    }
    part.className = other.className;
    part.replaceChildren(...other.childNodes);
  }
}

async function poll() {
  try {
    const answer = await fetch("api/status");
    if (!answer.ok) throw new Error(answer.status);
    const status = await answer.json();
    showTransfers(status);
    const told = summary(status);
    if (shown !== null && told !== shown) await follow();
    shown = told;
    document.getElementById("lost").hidden = true;
    tick();
  } catch {
    document.getElementById("lost").hidden = false;
  }
  setTimeout(poll, document.hidden ? 10 * POLL : POLL);
}

setInterval(tick, 1000);
poll();
