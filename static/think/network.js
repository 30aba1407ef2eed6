// A model at work: one of the network's towers from the picture to the ten outputs, or what another model goes by. It
// follows the drawing while it is open.

import { score } from "../ask/request.js";
import { reading } from "../show/heat.js";
import { NAMES, shortPercent } from "../show/words.js";
import { asking, make, svg, table } from "./build.js";
import { find, lines, next, rows } from "./grid.js";
import { ARROWS, lens } from "./lens.js";
import { outline } from "./place.js";

/** @type {think.Focus} */
const START = { layer: -1, channel: 0, tower: 0 };

let focus = START;
/** @type {string | undefined} */
let model;
/** @type {think.Work | undefined} */
let work;
/** @type {ReturnType<think.Outline>} */
let outlined = () => {};

const says = make("p", { role: "status" });
const net = make("div", { class: "net", role: "grid", "aria-label": "The network: picture, layers, outputs" });
const paths = svg("svg", { "aria-hidden": "true" });
const sum = make("p");
const closer = make("div", { class: "lens" });
const list = make("fieldset", { class: "towers" });
const body = make("div", {}, make("div", { class: "stage" }, net, paths), sum, closer, list);

/** @type {think.Part} */
export function fill(root, page) {
  const { subject, open } = page;
  outlined = outline(page);
  root.append(says, body);
  const asker = asking(
    () => (open() ? question(subject()) : null),
    ({ picture, query }) => score(picture, query),
    (reply) => show(reply.network),
    nothing,
  );
  body.addEventListener("ask", () => asker.want());
  return () => {
    if (!open()) outlined();
    if (subject()) return asker.want();
    asker.forget();
    nothing("Draw a digit, and watch the network read it.");
  };
}

/** @param {Subject | null} subject */
function question(subject) {
  if (!subject) return null;
  if (subject.model !== model) focus = START;
  model = subject.model;
  const { layer, channel, place, ...asked } = focus;
  const cell = place && layer >= 0 ? `${layer},${channel},${place}` : "";
  return { picture: subject.picture, query: { model, explain: "network", at: subject.at, ...asked, cell } };
}

/** @param {Partial<think.Focus>} change */
function ask(change) {
  focus = { ...focus, ...change };
  body.dispatchEvent(new Event("ask"));
}

/** @param {string} words */
function nothing(words) {
  work = undefined;
  says.textContent = words;
  body.hidden = true;
  outlined();
}

/** @param {think.Work} [shown] */
function show(shown) {
  if (!shown) return nothing("There is no file of weights here to look into.");
  work = shown;
  says.textContent = work.says;
  sum.textContent = work.evidence ? `${spoke(work.evidence, NAMES[work.digit])} ${work.sum}` : work.sum;
  body.hidden = false;
  anew(net, rows(work, focus.whole));
  anew(list, work.towers ? towers(work.towers, work) : parts(work));
  look();
  connect();
}

/** @type {think.Spoke} */
const spoke = (evidence, name) => `Blue squares speak for ${name}, orange ones against it. ${reading(evidence, name)}`;

function connect() {
  if (work) paths.replaceChildren(...lines(net, work));
}

/** Shows what is chosen, or pointed at. */
function look(layer = focus.layer, channel = focus.channel) {
  if (!work) return;
  const place = layer === focus.layer && channel === focus.channel ? focus.place : undefined;
  anew(
    closer,
    lens(
      work,
      layer,
      channel,
      place,
      (to) => ask({ layer, channel, place: to }),
      (pixels) => outlined(work, pixels),
    ),
  );
  net.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
  (find(net, `${focus.layer},${focus.channel}`) ?? find(net, "-1,0"))?.setAttribute("tabindex", "0");
}

/** @type {think.Anew} what has the focus passes it on to its like */
function anew(part, content) {
  const at = part.contains(document.activeElement) && document.activeElement?.getAttribute("data-at");
  part.replaceChildren(...content);
  if (at) find(part, at)?.focus({ preventScroll: true });
}

/** @type {think.Towers} which tower is shown, and what each says alone and several together */
function towers(all, { tower, together, trajectory }) {
  /** @type {think.Choice} */
  const choice = (type, at, on, text) =>
    make("label", {}, make("input", { type, name: type, "data-at": at, ...(on && { checked: "" }) }), ` ${text}`);
  const each = all.map(({ view, says: alone = "" }, i) => {
    const on = together?.towers.includes(i) ?? false;
    const counts = together ? [choice("checkbox", `counts,${i}`, on, `tower ${i + 1} counts`)] : [];
    const shown = choice("radio", `tower,${i}`, i === tower, `Tower ${i + 1}, ${view}`);
    return make("div", {}, shown, make("span", {}, alone), ...counts);
  });
  const end = together
    ? make("p", { role: "status" }, `Together: ${together.says}`)
    : make("button", { type: "button", "data-at": "every" }, "Ask every tower");
  return [
    make("legend", {}, "Towers: networks side by side, each of which sees the picture in its own way"),
    ...each,
    end,
    ...(trajectory ? [make("p", {}, `The way of the pen: ${trajectory.says}`)] : []),
  ];
}

/** @type {think.Parts} what comes before the scores of a model that is no network */
function parts({ parts: all = [], shares }) {
  if (!all.length) return [];
  const columns = [...all.map(({ data }) => data), shares];
  const lines = NAMES.map((_, digit) => [`${digit}`, ...columns.map((each) => shortPercent(each[digit]))]);
  return [table("What the parts say, and the answer", ["Digit", ...all.map(({ name }) => name), "answer"], lines)];
}

/** @type {think.About} */
function about({ target }) {
  /** @type {HTMLElement | null} */
  const element = /** @type {Element} */ (target).closest("[data-at]");
  const [what = "", number] = element?.dataset.at?.split(",") ?? [];
  return [what, Number(number), element];
}

/** @type {think.OnMap} */
function onMap(event, then) {
  const [layer, channel] = about(event);
  if (Number(layer) >= -1) then(Number(layer), channel);
}

body.addEventListener("click", (event) => {
  const [what, number, element] = about(event);
  const all = work?.towers?.map((_, i) => i) ?? [];
  const others = all.filter((i) => work?.together?.towers.includes(i) !== (i === number));
  if (what === "digit") ask({ digit: number });
  else if (what === "all") ask({ whole: focus.whole === number ? undefined : number });
  else if (what === "tower") ask({ tower: number });
  else if (what === "every") ask({ together: `${all}` });
  else if (what === "counts") ask({ together: `${others.length ? others : all}` });
  else element?.focus();
});
net.addEventListener("focusin", (event) =>
  onMap(event, (layer, channel) => {
    if (layer === focus.layer && channel === focus.channel) return;
    focus = { ...focus, layer, channel, place: undefined };
    look();
  }),
);
net.addEventListener("pointerover", (event) => onMap(event, look));
net.addEventListener("pointerleave", () => look());
net.addEventListener("keydown", (event) => {
  const from = /** @type {HTMLElement} */ (event.target);
  if (from.role !== "gridcell") return;
  if (ARROWS[event.key]) next(net, from, ARROWS[event.key]).focus();
  else if (["Enter", " "].includes(event.key)) from.click();
  else return;
  event.preventDefault();
});
new ResizeObserver(connect).observe(net);
