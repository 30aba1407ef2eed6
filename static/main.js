// Where the parts meet: what happens on the page, and who has to hear of it.

import { Asker } from "./ask/asker.js";
import { score } from "./ask/request.js";
import { bindColours } from "./browser/colours.js";
import "./browser/frame.js";
import { keepPageUsable } from "./browser/offline.js";
import { find } from "./browser/page.js";
import { readsBackTruly } from "./browser/privacy.js";
import { Drawing } from "./draw/drawing.js";
import { onPaper } from "./draw/geometry.js";
import { KeyPen } from "./draw/keyboard.js";
import { toPng } from "./draw/paint.js";
import { Pen } from "./draw/pen.js";
import { show as showSamples } from "./draw/samples.js";
import { Screen } from "./draw/screen.js";
import { Tools } from "./draw/tools.js";
import { Album } from "./keep/album.js";
import { History } from "./keep/history.js";
import { Teach } from "./keep/teach.js";
import { bindKeys } from "./keys.js";
import { intake } from "./pictures/intake.js";
import { Pictures, showFile } from "./pictures/list.js";
import { Answer } from "./show/answer.js";
import { Models } from "./show/models.js";
import { Why } from "./show/why.js";

/**
 * @import { Picture, Reply } from "./ask/request.js"
 * @import { Change } from "./draw/drawing.js"
 * @import { Stroke } from "./draw/geometry.js"
 * @import { DrawingRecord } from "./keep/history.js"
 * @import { Subject } from "./show/why.js"
 */
/**
 * `whole` says that no stroke is under way.
 * @typedef {{picture: Picture, strokes: Stroke[], whole: boolean, model: string | undefined}} Question
 */

const TRIES_IN_SILENCE = 2; // a lost connection is common on a busy server and is not worth an alarm
const STROKE_PAUSE_MS = 700; // between questions while a stroke is under way: a class of thirty shares one server

/** @type {Change[]} */
const GROWING = ["begin", "extend", "end"];

/** @type {Subject | null} what the answer on screen is about */
let subject = null;
/** @type {Blob | null} the picture that is shown in place of the drawing */
let brought = null;
let askedAt = -Infinity;

const drawing = new Drawing();
const screen = new Screen(find("paper", HTMLCanvasElement), drawing);
const answer = new Answer(find);
const tools = new Tools(find, drawing, { clear, clearable: () => !drawing.empty || !answer.empty });
const models = new Models(
  find,
  () => subject,
  () => refresh(),
);
const why = new Why(find, () => subject);
const history = new History();
const album = new Album(find, history, reopen);
const teach = new Teach(find, history, album);
const pictures = new Pictures(find("pictures"), { model: () => models.chosen, open: showPicture });

const asker = new Asker({
  take: question,
  ask: ({ picture, model }) => score(picture, { model }),
  tell: {
    waiting: () => answer.waiting(),
    asking: () => {
      askedAt = performance.now();
      answer.waiting();
    },
    answer: answered,
    rest: () => answer.rest(),
    trouble: (failure, { again, tries }) => {
      if (again && (!failure.away || tries <= TRIES_IN_SILENCE)) return answer.again(failure);
      setSubject(null);
      answer.fail(again ? `${failure.message} This page keeps trying.` : failure.message);
    },
  },
});

/**
 * What to ask about now, or null.
 * @returns {Question | null}
 */
function question() {
  const about = { strokes: drawing.strokes, model: models.chosen };
  if (brought) return { ...about, picture: brought, whole: false };
  return onPaper(drawing.ink) ? { ...about, picture: toPng(drawing.ink), whole: !drawing.busy } : null;
}

/**
 * @param {Reply} reply
 * @param {Question} question
 */
function answered(reply, { picture, strokes, whole, model }) {
  answer.show(reply, { aloud: whole });
  setSubject({ picture, reply, model });
  if (!tools.live && strokes !== drawing.strokes) return answer.outdated();
  if (whole) teach.answered(strokes, reply);
}

/** @param {Subject | null} value */
function setSubject(value) {
  subject = value;
  why.clear();
  models.clear();
  if (!value) teach.nothing();
}

function nothing() {
  asker.forget();
  setSubject(null);
  answer.clear();
}

function putAway() {
  brought = null;
  find("shown").hidden = true;
  find("hint").hidden = !drawing.empty;
}

/** Empties the page of whatever it shows: a drawing, a picture, an answer, or what went wrong. */
function clear() {
  if (!drawing.empty) return drawing.clear(); // its listener does the rest
  putAway();
  nothing();
}

answer.addEventListener("change", () => tools.enable());

drawing.addEventListener("change", (event) => {
  const what = /** @type {CustomEvent<Change>} */ (event).detail;
  putAway();
  if (drawing.empty) return nothing();
  if (!GROWING.includes(what)) asker.forget(); // an answer to what was there before would be a stale one
  if (!tools.live) return answer.outdated();
  const pause = performance.now() - askedAt > STROKE_PAUSE_MS;
  if (what === "extend" ? pause && !asker.busy : what !== "begin") asker.want();
});

function predict() {
  if (brought || onPaper(drawing.ink)) return asker.want();
  nothing();
  answer.fail("There is nothing on the paper yet. Draw a digit, then press Predict.");
}

/** Another model was chosen: the answer on screen is not its. */
function refresh() {
  if (subject) asker.want();
}

/**
 * @param {Blob} picture
 * @param {Reply} reply
 */
function showPicture(picture, reply) {
  clear();
  brought = picture;
  showFile(find("shown", HTMLImageElement), picture);
  find("shown").hidden = false;
  find("hint").hidden = true;
  answer.show(reply);
  setSubject({ picture, reply, model: models.chosen });
  find("paper").scrollIntoView({ block: "nearest" });
}

/** @param {Stroke[]} strokes */
function use(strokes) {
  drawing.replace(strokes);
  if (!tools.live) asker.want();
  find("paper").scrollIntoView({ block: "nearest" });
}

/** @param {DrawingRecord} record */
function reopen(record) {
  teach.recognise(record);
  use(record.strokes);
}

new Pen(find("paper"), (event) => screen.toPaper(event), tools.hand);
new KeyPen(find("paper"), find("key-pen"), tools.hand, (text) => answer.announce(text));
find("predict").addEventListener("click", predict);
intake(find, (files) => pictures.add(files));
showSamples(find("samples"), use);
bindKeys(find, { drawing, tools, teach, predict });
bindColours(find, () => screen.redraw());
setSubject(null);
find("privacy").hidden = readsBackTruly();
find("asleep").remove();
document.documentElement.dataset.scripted = "";

await history.open();
album.show();
await Promise.all([models.load(), keepPageUsable()]); // a server that is away keeps the models waiting
