// The face of the answer: digits as they are traced on the dotted stencil of a postcode, nine straight segments in a
// box twice as high as wide, as on Soviet and Russian envelopes. The first convolutional networks read postcodes.

const SVG = "http://www.w3.org/2000/svg";
const SEGMENTS = "M0 0H10V20H0ZM0 10H10M10 0 0 10M10 10 0 20";
const DIGITS = [
  "M0 0H10V20H0Z",
  "M0 10 10 0V20",
  "M0 0H10V10L0 20H10",
  "M0 0H10L0 10H10L0 20",
  "M0 0V10H10M10 0V20",
  "M10 0H0V10H10V20H0",
  "M10 0 0 10V20H10V10H0",
  "M0 0H10L0 10V20",
  "M0 10V0H10V20H0V10H10",
  "M10 10H0V0H10V10L0 20",
];

/**
 * The stencil with a digit on it, or with none. Decoration: whoever shows it gives the words.
 * @param {number | null} digit
 * @param {number | null} [rival] the digit that it might be as well
 */
export function stencil(digit, rival = null) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "-3 -3 16 26");
  svg.setAttribute("class", "stencil");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line("dots", SEGMENTS));
  if (rival !== null) svg.append(line("rival", DIGITS[rival]));
  if (digit !== null) svg.append(line("stroke", DIGITS[digit]));
  return svg;
}

/**
 * @param {string} kind
 * @param {string} outline
 */
function line(kind, outline) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", kind);
  path.setAttribute("d", outline);
  if (kind === "stroke") path.setAttribute("pathLength", "1"); // for the style that has it written
  return path;
}
