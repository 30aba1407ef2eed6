// The types that modules of static/ share, kept here so that browsers need not load them; `npm run types` reads them.

type Find = import("../static/browser/page.js").Find;
type Drawing = import("../static/draw/drawing.js").Drawing;
type Tools = import("../static/draw/tools.js").Tools;
type Album = import("../static/keep/album.js").Album;
type Drawings = import("../static/keep/history.js").History;
type Teach = import("../static/keep/teach.js").Teach;

// --- what the server is sent, and what it tells: see docs/use.md ---

type Picture = string | Blob; // a data URL, or a file
type Query = Record<string, string | number | undefined>; // undefined: left out

/** What a model says of one digit. */
interface Reading {
  data: number[]; // ten scores, 0..1, one a digit
  digit: number; // the one with the best score
  confidence: number; // its score
  unsure: boolean;
  seen?: string; // the 28 x 28 pixels that the model read, as a PNG data URL
}

/** A digit of a number. */
interface Part extends Reading {
  box: [left: number, top: number, width: number, height: number];
}

/** What a model says of one picture; of one that shows a number also the number and its digits. */
interface Reply extends Reading {
  number?: string;
  digits?: Part[];
  done?: string[]; // what was done to the picture before, in clauses
  evidence?: number[][]; // 28 x 28 numbers, see heat.js
  network?: think.Work;
  results?: Reply[]; // of several pictures
}

interface Card {
  name: string;
  title?: string;
  accuracy?: number; // on MNIST's test
}

interface Offer {
  models?: Card[];
  default?: string;
}

/** Whatever the script answers, of which nothing is sure yet. */
type Answer = Partial<Reply> & Offer & { result?: number; error?: string; retry_after?: number };

// --- questions and answers ---

/** What is asked; `whole` says that no stroke is under way. */
type Question = { picture: Picture; strokes: Stroke[]; whole: boolean; model: string | undefined };

/** Who hears how it goes: a question waits, is asked, has its answer or is in trouble, and nothing is asked any more. */
interface Listener<Job, Reply> {
  waiting: () => void;
  asking: (job: Job) => void;
  answer: (reply: Reply, job: Job) => void;
  trouble: (failure: Trouble, how: { again: boolean; tries: number }) => void;
  rest: () => void;
}

type Trouble = Error & { retry?: number | null; away?: boolean };
type Patience = { waits?: (failure: Trouble) => void; wanted?: () => boolean };

/** What the answer on screen is about; `at` is the place of the chosen digit in a number. */
type Subject = { picture: Picture; reply: Reply; model: string | undefined; at: number | undefined };
type Summary = { headline: string; detail: string; spoken: string; unsure: boolean };

// --- drawings ---

/** What was done to a drawing. */
type Change = "begin" | "extend" | "end" | "erase" | "clear" | "undo" | "redo" | "replace" | "widen";

/** What a pen moves: a stroke begins, goes on, and ends or was not meant. */
interface Hand {
  down: (point: Point, how: { eraser: boolean }) => void;
  move: (points: Point[]) => void;
  up: () => void;
  cancel: () => void;
}

type Sheet = { strokes: Stroke[]; wide: boolean };
type Sample = { digit: number; style: string; strokes: Stroke[] };
type Box = [left: number, top: number, width: number, height: number]; // in paper units
type Digit = { id: string; strokes: Stroke[]; reading: Reading }; // of a drawing, and what was read

/** A drawing of one digit and its answer, as they are kept. */
interface DrawingRecord {
  id: string;
  when: number; // milliseconds since 1970
  guess: number; // the digit that the network read
  confidence: number; // its score, 0..1
  label: number | null; // the digit a person said it was
  strokes: Stroke[];
  pixels: Uint8Array; // the 784 grey values (0..255, ink high) that the network read
}

/** What becomes of a record: another one; null drops it, undefined leaves it. */
type Make = (before?: DrawingRecord) => DrawingRecord | null | undefined;
type Dated = { when: number };
type Counts = { all: number; labelled: number; corrected: number };

type Size = { width: number; height: number };
type Position = { x: number; y: number }; // in paper units: x to the right, y down
type Point = Position & { pressure: number }; // 0..1
type Stroke = { width: number; points: Point[] }; // in paper units; at least one point
type Curve = { from: Point; bend: Point; to: Point; width: number }; // a quadratic curve, with its width
