// Where a frame on the picture that a model sees lies on the drawing: the ink has the same shape in both.

import { bytesOf } from "../browser/base64.js";
import { context2d } from "../browser/page.js";
import { PAPER } from "../draw/geometry.js";
import { paint } from "../draw/paint.js";
import { parts } from "../show/spelling.js";
import { filled, make, svg } from "./build.js";
import { SIDE } from "./grid.js";

/** @type {think.Moments} of ink, `width` pixels a row: its middle, how tall it is, and how far it leans to the right */
export function moments(ink, width) {
  let [mass, x, y, xy, yy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    const [across, down] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    mass += ink[i];
    x += ink[i] * across;
    y += ink[i] * down;
    xy += ink[i] * across * down;
    yy += ink[i] * down * down;
  }
  [x, y] = [x / mass, y / mass];
  const variance = yy / mass - y * y;
  return { x, y, tall: Math.sqrt(variance), lean: (xy / mass - x * y) / variance };
}

/** @type {think.Placed} a point of the one picture on the other */
export function placed([x, y], from, to) {
  const size = to.tall / from.tall;
  const down = size * (y - from.y);
  return [to.x + size * (x - from.x) + down * (to.lean - from.lean), to.y + down];
}

/** @type {think.Outline} */
export function outline({ boxes, subject, strokes, paper }) {
  const shape = svg("polygon");
  const sheet = svg("svg", {}, shape);
  boxes.append(sheet);
  return (work, frame) => {
    const about = subject();
    sheet.style.display = work && frame && about && strokes().length ? "" : "none";
    if (!work || !frame || !about || !strokes().length) return;
    const box = about.at === undefined ? [0, 0, paper(), PAPER] : parts(about.reply)[about.at].box;
    const [there, here] = [moments(bytesOf(work.seen), SIDE), moments(inkOf(strokes(), box, paper()), paper())];
    const [top, left, size] = frame;
    const [x, y] = [left + size, top + size];
    const corners = [
      [left, top],
      [x, top],
      [x, y],
      [left, y],
    ].map((corner) => placed(corner, there, here));
    filled(sheet, { viewBox: `0 0 ${paper()} ${PAPER}` }, []);
    filled(shape, { points: `${corners}` }, []);
  };
}

/** @type {think.InkOf} how much of it is in each pixel */
function inkOf(strokes, [left, top, width, height], paper) {
  const context = context2d(make("canvas", { width: paper, height: PAPER }));
  context.rect(left, top, width, height);
  context.clip();
  paint(context, strokes, "#000");
  return context.getImageData(0, 0, paper, PAPER).data.filter((_, i) => i % 4 === 3);
}
