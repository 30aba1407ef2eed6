// Where the parts meet: what happens on the page, and who has to hear of it.

import { Asker } from "./ask/asker.js";
import { score } from "./ask/request.js";
import { bindColours } from "./browser/colours.js";
import "./browser/frame.js";
import { keepPageUsable } from "./browser/offline.js";
import { find } from "./browser/page.js";
import { readsBackTruly } from "./browser/privacy.js";
import { Drawing } from "./draw/drawing.js";
import { onPaper, PAPER } from "./draw/geometry.js";
import { KeyPen } from "./draw/keyboard.js";
import { toPng } from "./draw/paint.js";
import { Pen } from "./draw/pen.js";
import { show as showSamples } from "./draw/samples.js";
import { Screen } from "./draw/screen.js";
import { Tools } from "./draw/tools.js";
import { Album } from "./keep/album.js";
import { History } from "./keep/history.js";
import { bindTaking } from "./keep/take.js";
import { Teach } from "./keep/teach.js";
import { bindKeys } from "./keys.js";
import { Brought } from "./pictures/brought.js";
import { intake } from "./pictures/intake.js";
import { Pictures } from "./pictures/list.js";
import { Models } from "./show/models.js";
import { Stage } from "./show/stage.js";
import { think } from "./think/think.js";

const TRIES_IN_SILENCE = 2; // a lost connection is common on a busy server and is not worth an alarm
const STROKE_PAUSE_MS = 700; // between questions while a stroke is under way: a class of thirty shares one server

/** @type {Change[]} */
const GROWING = ["begin", "extend", "end"];

let askedAt = -Infinity;

const drawing = new Drawing();
const screen = new Screen(find("paper", HTMLCanvasElement), drawing);
const stage = new Stage(find);
const { answer } = stage;
const tools = new Tools(find, drawing, { clear, clearable: () => !drawing.empty || !answer.empty });
const about = () => stage.subject;
const models = new Models(find, about, () => stage.subject && asker.want());
const follow = think(find, {
  subject: about,
  strokes: () => drawing.strokes,
  paper: () => drawing.width,
  boxes: find("boxes"),
});
const history = new History();
const album = new Album(find, history, reopen);
const teach = new Teach(find, history, album);
const brought = new Brought(find, (size) => stage.fit(size));
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
      stage.fail(again ? `${failure.message} This page keeps trying.` : failure.message);
    },
  },
});

/**
 * What to ask about now, or null.
 * @returns {Question | null}
 */
function question() {
  const asked = { strokes: drawing.strokes, model: models.chosen };
  if (brought.picture) return { ...asked, picture: brought.picture, whole: false };
  if (!onPaper(drawing.ink, drawing.width)) return null;
  return { ...asked, picture: toPng(drawing.ink, drawing.width), whole: !drawing.busy };
}

/**
 * @param {Reply} reply
 * @param {Question} question
 */
function answered(reply, { picture, strokes, whole, model }) {
  show({ picture, reply, model }, whole);
  if (!tools.live && strokes !== drawing.strokes) return answer.outdated();
  if (whole) teach.answered(strokes, reply);
}

/**
 * @param {Omit<Subject, "at">} about
 * @param {boolean} aloud
 */
function show(about, aloud) {
  stage.show(about, { aloud, size: brought.picture ? brought.size : { width: drawing.width, height: PAPER } });
}

function nothing() {
  asker.forget();
  stage.clear();
}

function putAway() {
  brought.away();
  find("hint").hidden = !drawing.empty;
}

/** Empties the page of whatever it shows: a drawing, a picture, an answer, or what went wrong. */
function clear() {
  if (!drawing.empty) return drawing.clear(); // its listener does the rest
  putAway();
  nothing();
}

answer.addEventListener("change", () => tools.enable());

stage.addEventListener("change", () => {
  models.clear();
  follow();
  if (stage.subject) teach.choose(stage.subject.at ?? 0);
  else teach.nothing();
});

drawing.addEventListener("change", (event) => {
  const what = /** @type {CustomEvent<Change>} */ (event).detail;
  if (what === "widen" && drawing.empty) return;
  putAway();
  if (drawing.empty) return nothing();
  if (!GROWING.includes(what)) asker.forget(); // an answer to what was there before would be a stale one
  if (!tools.live) return answer.outdated();
  const pause = performance.now() - askedAt > STROKE_PAUSE_MS;
  if (what === "extend" ? pause && !asker.busy : what !== "begin") asker.want();
});

function predict() {
  if (question()) return asker.want();
  nothing();
  stage.fail("There is nothing on the paper yet. Draw a digit, then press Predict.");
}

/**
 * @param {Blob} picture
 * @param {Reply} reply
 */
function showPicture(picture, reply) {
  clear();
  brought.show(picture);
  find("hint").hidden = true;
  show({ picture, reply, model: models.chosen }, true);
  find("paper").scrollIntoView({ block: "nearest" });
}

/** @param {Stroke[]} strokes */
function use(strokes, wide = false) {
  tools.paper(wide || drawing.width > PAPER);
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
new KeyPen(find("paper"), find("key-pen"), tools.hand, {
  say: (text) => answer.announce(text),
  width: () => drawing.width,
});
find("predict").addEventListener("click", predict);
intake(find, (files) => pictures.add(files));
showSamples(find("samples"), use);
bindKeys(find, { drawing, tools, teach, predict });
bindColours(find, () => screen.redraw());
bindTaking(find, drawing, { open: ({ strokes, wide }) => use(strokes, wide), scores: () => stage.scores });
find("privacy").hidden = readsBackTruly();
find("asleep").remove();
document.documentElement.dataset.scripted = "";

await history.opened;
album.show();
await Promise.all([models.load(), keepPageUsable()]); // a server that is away keeps the models waiting
