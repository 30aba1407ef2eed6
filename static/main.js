// Where the parts meet: the drawing, the pen, the screen, the server and the answer.

import { Answer } from "./answer.js";
import { Asker } from "./asker.js";
import { Drawing } from "./drawing.js";
import { onPaper } from "./geometry.js";
import { toPng } from "./paint.js";
import { Pen } from "./pen.js";
import { Screen } from "./screen.js";
import { score } from "./wire.js";

const BRUSH = 16; // paper units: about what a felt pen leaves on a card
const TRIES_IN_SILENCE = 2; // a lost connection is common on a busy server and is not worth an alarm

const find = (id) => document.getElementById(id);
const drawing = new Drawing();
const screen = new Screen(find("paper"), drawing);
const answer = new Answer(find);

const asker = new Asker({
  take: () => (onPaper(drawing.ink) ? toPng(drawing.ink) : null),
  ask: (picture) => score(picture),
  tell: {
    asking: () => answer.waiting(),
    answer: (reply) => answer.show(reply),
    rest: () => answer.rest(),
    trouble: (failure, { again, tries }) => {
      if (!again || tries > TRIES_IN_SILENCE) answer.fail(failure.message);
    },
  },
});

new Pen(find("paper"), (event) => screen.toPaper(event), {
  down: (point) => drawing.begin(point, BRUSH),
  move: (points) => drawing.extend(points),
  up: () => drawing.end(),
  cancel: () => drawing.cancel(),
});

drawing.addEventListener("change", () => {
  find("hint").hidden = !drawing.empty;
  if (drawing.empty) {
    asker.forget();
    answer.clear();
  }
});

find("predict").addEventListener("click", () => {
  if (onPaper(drawing.ink)) asker.want();
  else answer.fail("There is nothing on the paper yet. Draw a digit, then press Predict.");
});
find("clear").addEventListener("click", () => {
  drawing.clear();
  answer.clear();
});

find("asleep").remove();
