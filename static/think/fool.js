// Try to fool it: sliders that change the strokes, and the ten scores along the one that moved last.

import { score } from "../ask/request.js";
import { bytesOf } from "../browser/base64.js";
import { toPng } from "../draw/paint.js";
import { sketch } from "../draw/sketch.js";
import { capital, NAMES, percent, shortPercent } from "../show/words.js";
import { asking, make, svg, table } from "./build.js";
import { changed, flips, STEPS, WAYS, words } from "./strokes.js";

const [WIDE, TALL] = [420, 160]; // of the chart, in its own units
const FEW = 0.05; // a curve that stays below this share is left out

/** @type {Stroke[]} */
let strokes = [];
let along = 0; // the way whose slider moved last
/** @type {Reply[]} at each of its steps */
let replies = [];
const steps = WAYS.map(([, , rest]) => rest);

const says = make("p", { role: "status" });
const shown = make("div", { class: "changed" });
const chart = svg("svg", { viewBox: `-8 -16 ${WIDE + 16} ${TALL + 32}`, role: "img", class: "chart" });
const numbers = make("div");
const values = WAYS.map(() => make("span"));
const sliders = WAYS.map(([, , rest]) => make("input", { type: "range", max: STEPS - 1, value: rest }));
const labels = WAYS.map(([name], i) => make("label", {}, name, sliders[i], values[i]));

/** @type {think.Part} */
export function fill(root, page) {
  root.append(says, make("div", { class: "fool" }, make("div", {}, ...labels), shown, chart), numbers);
  const asker = asking(
    () => (page.open() && strokes.length ? sweep() : null),
    (form) => score(form, { model: page.subject()?.model }),
    ({ results = [] }) => show(results),
    (sentence) => says.replaceChildren(sentence),
  );
  for (const [i, slider] of sliders.entries()) {
    slider.addEventListener("input", () => {
      steps[i] = slider.valueAsNumber;
      if (i === along) return show(replies);
      along = i;
      renew();
    });
  }
  const renew = () => {
    asker.forget(); // an answer under way is about other pictures
    show([]);
    asker.want();
  };
  return () => {
    strokes = page.subject() ? page.strokes() : [];
    renew();
  };
}

/** The pictures to ask about: one for each step of the slider that moved last. */
function sweep() {
  const form = new FormData();
  for (let step = 0; step < STEPS; step++) {
    const url = toPng(changed(strokes, at(step)));
    form.append("file", new Blob([bytesOf(url.split(",")[1])], { type: "image/png" }), `${step}.png`);
  }
  return form;
}

/** @param {number} step of the slider that moved last */
const at = (step) => steps.map((each, i) => (i === along ? step : each));

/** @param {Reply[]} found */
function show(found) {
  if (found !== replies) numbers.replaceChildren(...(found.length ? [inNumbers(found)] : []));
  replies = found;
  for (const [i, way] of WAYS.entries()) values[i].textContent = words(way, steps[i]);
  shown.replaceChildren(sketch(changed(strokes, steps)));
  const turns = flips(replies.map(({ digit }) => digit));
  says.textContent = replies.length ? sentence(turns) : strokes.length ? "Reading…" : "Draw a digit, then change it.";
  chart.ariaLabel = `The ten scores along the slider ${WAYS[along][0]}; in numbers below`;
  const marks = [upright(steps[along], "here"), ...turns.map((step) => upright(step - 0.5, "flip"))];
  chart.replaceChildren(...marks, ...(replies.length ? NAMES.flatMap((_, digit) => curve(digit)) : []));
}

/** @param {number[]} turns steps at which the answer flips */
function sentence(turns) {
  const who = replies.map(({ digit }) => NAMES[digit] ?? "nothing");
  const list = turns.map((step) => `from ${who[step - 1]} to ${who[step]} at ${words(WAYS[along], step)}`);
  const told = list.length ? `flips ${list.join(", ")}` : "stays the same";
  const here = steps[along];
  const now = `Read as ${who[here]}, ${percent(replies[here].confidence ?? 0)}.`;
  return `${now} Along the slider ${WAYS[along][0]}, the answer ${told}.`;
}

/** The same as a table, folded away.
 * @param {Reply[]} found */
function inNumbers(found) {
  const lines = found.map(({ digit, data }, step) => [
    words(WAYS[along], step),
    capital(NAMES[digit] ?? "nothing"),
    ...NAMES.map((_, each) => (data.length ? shortPercent(data[each]) : "")),
  ]);
  const head = [WAYS[along][0], "Answer", ...NAMES.map((_, digit) => `${digit}`)];
  const sheet = table(`The ten scores along the slider ${WAYS[along][0]}`, head, lines);
  return make("details", {}, make("summary", {}, "In numbers"), sheet);
}

/** @param {number} step */
const across = (step) => (WIDE * step) / (STEPS - 1);

/** @param {number} step @param {string} kind */
const upright = (step, kind) => svg("path", { class: kind, d: `M${across(step)} -8V${TALL + 8}` });

/** @param {number} digit whose scores are drawn, with its name where they are highest */
function curve(digit) {
  const scores = replies.map(({ data }) => data[digit] ?? 0);
  const most = Math.max(...scores);
  if (most < FEW) return [];
  const d = `M${scores.map((each, step) => `${across(step)} ${TALL * (1 - each)}`).join("L")}`;
  const line = svg("path", { d, class: "curve" });
  line.style.setProperty("--digit", `${digit}`);
  return [line, svg("text", { x: across(scores.indexOf(most)), y: TALL * (1 - most) - 4 }, `${digit}`)];
}
