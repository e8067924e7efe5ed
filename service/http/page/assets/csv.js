/** Tables as text: CSV in, CSV out. Nothing here touches the page. */

const DELIMITERS = [",", ";", "\t"];
const FORMULA = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DECIMAL_COMMA = /^-?\d+,\d+$/;

/** A table that cannot be scored at all. */
export class TableError extends Error {}

/** Return whether a cell is a number with a decimal comma: only where the delimiter is the semicolon, as in Europe. */
export const hasDecimalComma = (cell, delimiter) => delimiter === ";" && DECIMAL_COMMA.test(cell.trim());

/** Find the delimiter: the one of which the first line has most, outside of quotes. */
export function delimiterOf(text) {
  const counts = new Map(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && character === "\n") break;
    else if (!quoted && counts.has(character)) counts.set(character, counts.get(character) + 1);
  }
  return DELIMITERS.reduce((best, other) => (counts.get(other) > counts.get(best) ? other : best));
}

/** Yield the rows of a text as cells; lines without any text are left out. */
export function* parse(text, delimiter) {
  let [row, cell] = [[], ""];
  const endRow = () => {
    const ended = [...row, cell];
    [row, cell] = [[], ""];
    return ended.length > 1 || ended[0].trim() ? [ended] : [];
  };
  const source = text.replace(/^\uFEFF/, "");
  for (let at = 0; at < source.length; at += 1) {
    const character = source[at];
    if (character === '"' && cell === "") [cell, at] = quoted(source, at, delimiter);
    else if (character === delimiter) {
      row.push(cell);
      cell = "";
    } else if (character === "\n") yield* endRow();
    else if (character !== "\r" || source[at + 1] !== "\n") cell += character;
  }
  if (cell || row.length) yield* endRow();
}

/** Return the text of the cell whose quote opens here, and where it closes. */
function quoted(source, opens, delimiter) {
  let [cell, from] = ["", opens + 1];
  for (;;) {
    const at = source.indexOf('"', from);
    const next = source[at + 1];
    // A quote that nobody closed ends where the next one opens, and would swallow all rows up to there.
    if (at < 0 || ![delimiter, "\r", "\n", '"', undefined].includes(next)) {
      const line = source.slice(0, opens).split("\n").length;
      throw new TableError(`The quote that opens in line ${line} is not closed at the end of its cell. Close or remove it.`);
    }
    cell += source.slice(from, at);
    if (next !== '"') return [cell, at];
    cell += '"';
    from = at + 2;
  }
}

/** Write rows of cells as a text. A cell that a spreadsheet would compute gets an apostrophe before it. */
export function format(rows, delimiter) {
  return rows.map((row) => `${row.map((cell) => write(String(cell), delimiter)).join(delimiter)}\r\n`).join("");
}

function write(cell, delimiter) {
  const isNumber = NUMBER.test(cell.trim()) || hasDecimalComma(cell, delimiter);
  const safe = FORMULA.test(cell) && !isNumber ? `'${cell}` : cell;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
