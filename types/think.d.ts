// The types of static/think, kept here so that browsers need not load them; `npm run types` reads them.

declare namespace think {
  // --- what the server tells ---

  /** A tower of the network at work, as `?explain=network` tells it: see docs/use.md. */
  interface Work {
    towers?: { view: string; says?: string; logits?: number[] }[]; // of a network, as are those with a question mark
    tower?: number;
    digit: number; // whose output is looked into
    says: string;
    seen: string; // 28 x 28 bytes in base64
    columns: Column[];
    contributions?: number[]; // of each channel of the last layer to the output for `digit`
    sum: string; // the same in words
    shares: number[]; // ten scores
    cell?: Cell;
    together?: { towers: number[]; says: string };
    trajectory?: { says: string }; // of a drawing whose strokes are known
    evidence?: number[][]; // of another model: how far the score for `digit` falls where that square is blanked
    parts?: { name: string; data: number[] }[]; // what comes before its scores
  }

  /** A layer: `shown` of its maps, as bytes in base64; 255 is `top`. */
  interface Column {
    name: string;
    note: string;
    height: number;
    width: number;
    channels: number;
    top: number;
    shown: number[]; // channels
    maps: string;
    says: string[]; // of each map
    field: { size: number; step: number; start: number }; // the pixels that a place of a map depends on
  }

  /** How the value of a map at a place came about. */
  interface Cell {
    at: number[]; // layer, channel, row, column
    inputs: { channel: number; values: number[][]; weights: number[][]; sum: number }[];
    says: string;
  }

  // --- build.js ---

  type Attributes = Record<string, string | number>;
  type Inside = (Node | string)[];
  type Fill = <Kind extends Element>(element: Kind, attributes: Attributes, inside: Inside) => Kind;
  type Make = <Tag extends keyof HTMLElementTagNameMap>(
    tag: Tag,
    attributes?: Attributes,
    ...inside: Inside
  ) => HTMLElementTagNameMap[Tag];
  type Svg = (tag: string, attributes?: Attributes, ...inside: Inside) => SVGElement;
  type Heat = (evidence: number[][]) => HTMLCanvasElement;
  type Table = (caption: string, head: string[], rows: string[][]) => Node;
  type Picture = (levels: Uint8Array, width: number) => HTMLCanvasElement;
  type Asking = <Job, Answer>(
    take: () => Job | null,
    ask: (job: Job) => Promise<Answer>,
    answer: (reply: Answer) => void,
    says: (words: string) => void,
  ) => import("../static/ask/asker.js").Asker<Job, Answer>;

  /** A part that is opened: it fills `root`, and returns what to call when the page's subject is another. */
  type Part = (root: Element, page: Page & { open: () => boolean }) => () => void;

  /** What is on the page: the answer's subject, the drawing, the paper's width, and what lies on it. */
  type Page = {
    subject: () => Subject | null;
    strokes: () => Stroke[];
    paper: () => number;
    boxes: Element;
  };

  // --- the network ---

  /** What is looked at, and what is asked for. Numbers count from 0. */
  interface Focus {
    layer: number; // -1 is the picture
    channel: number;
    place?: Place | undefined; // on the map, to be explained
    tower: number;
    digit?: number; // else the winner
    whole?: number | undefined; // a layer that is shown with all of its maps
    together?: string; // towers whose mean is wanted
  }

  type Place = [row: number, column: number];
  type Find = (within: Element, at: string) => HTMLElement | null;
  type Row = (name: string, kind: string, more: Node[], cells: Node[]) => Node;
  type CellOf = (at: string, words: string, ...inside: Node[]) => HTMLElement;
  type Rows = (work: Work, whole?: number) => Node[];
  type Next = (net: Element, from: HTMLElement, step: number[]) => HTMLElement;
  type Lines = (net: Element, work: Work) => Node[];
  type Frame = [top: number, left: number, size: number];
  type Lens = (
    work: Work,
    layer: number,
    channel: number,
    place: Place | undefined,
    choose: (to: Place) => void,
    framed: (pixels?: Frame) => void,
  ) => Node[];

  /** A large map, and what puts a frame on it; `chosen` hears of the place that a key or the pointer is at. */
  type View = (
    levels: Uint8Array,
    width: number,
    at: string,
    words: string,
    how: "click" | "pointermove",
    chosen: (to: Place) => void,
    from?: Place,
  ) => [element: Node, mark: (y: number, x: number, side: number) => void];

  type Anew = (part: Element, content: Node[]) => void;
  type Sums = (cell: Cell, layer: number) => Node[];
  type Towers = (all: NonNullable<Work["towers"]>, work: Work) => Node[];
  type Choice = (type: string, at: string, on: boolean, text: string) => Node;
  type Parts = (work: Work) => Node[];
  type Spoke = (evidence: number[][], name: string) => string;

  /** What an event is about: the element's `data-at` in two parts. */
  type About = (event: Event) => [what: string, number: number, element: HTMLElement | null];
  type OnMap = (event: Event, then: (layer: number, channel: number) => void) => void;

  // --- place.js ---

  type InkOf = (strokes: Stroke[], box: number[], paper: number) => Uint8ClampedArray;
  type Ink = { x: number; y: number; tall: number; lean: number };
  type Moments = (ink: ArrayLike<number>, width: number) => Ink;
  type Placed = (point: number[], from: Ink, to: Ink) => number[];
  type Outline = (page: Page) => (work?: Work, frame?: Frame) => void;

  // --- the strokes ---

  /** A way to change strokes in steps: at `rest` they are as they were; a step's value is `from + by * (step - rest)`. */
  type Way = [name: string, unit: string, rest: number, from: number, by: number, change: Change];
  type Change = (strokes: Stroke[], value: number) => Stroke[];
  type Changed = (strokes: Stroke[], steps: number[]) => Stroke[];
  type Spun = (strokes: Stroke[], size: number, angle: number) => Stroke[];
  type Move = (strokes: Stroke[], to: (point: Point, i: number) => { x: number; y: number }) => Stroke[];
}
