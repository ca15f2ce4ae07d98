// JSON without loss: a number that JavaScript cannot hold stays what it was.
import { randomUUID } from "node:crypto";

// ExactNumber is a number with more digits, or of another size, than a number of JavaScript has: 1e400. It is written as it came;
// to reckon with it is to reckon with the nearest number.
export class ExactNumber {
  constructor(readonly text: string) {}

  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  // JSON.stringify does not write it exactly; stringify does.
  toJSON(): unknown {
    if (exactly) throw new TypeError("an exact number");
    return Number(this.text);
  }
}

// mark begins a text that stands for a number, on its way through JSON.parse and JSON.stringify.
const mark = `number ${randomUUID()} `;
const marked = new RegExp(`"${mark}([^"]*)"`, "g");
let exactly = false; // JSON.stringify is to stop at an ExactNumber

// parse is JSON.parse, but that a whole number beyond 2^53 becomes a BigInt, and another one that a number cannot hold an ExactNumber.
export function parse(text: string): any {
  const value: unknown = JSON.parse(text);
  if (!/[\d.]{16}|\d[eE]/.test(text)) return value;
  const kept = keepNumbers(text);
  if (kept === text) return value;
  return JSON.parse(kept, (_, v: unknown) => {
    if (typeof v !== "string" || !v.startsWith(mark)) return v;
    const number = v.slice(mark.length);
    return /^-?\d+$/.test(number) ? BigInt(number) : new ExactNumber(number);
  });
}

// stringify is JSON.stringify, but that it writes a BigInt and an ExactNumber as they are.
export function stringify(value: unknown): string {
  exactly = true;
  try {
    return JSON.stringify(value); // throws at a number that is to be kept
  } catch {
    exactly = false;
    const replace = function (this: any, key: string, v: unknown): unknown {
      const was: unknown = this[key]; // before its toJSON
      return typeof was === "bigint" || was instanceof ExactNumber ? mark + String(was) : v;
    };
    return JSON.stringify(value, replace).replace(marked, "$1");
  } finally {
    exactly = false;
  }
}

// keepNumbers puts a marked text in the place of each number of a JSON text that a number of JavaScript does not hold.
function keepNumbers(text: string): string {
  const token = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
  let out = "";
  let done = 0;
  for (let at = 0; at < text.length; ) {
    const c = text[at]!;
    if (c === '"') {
      at = endOfText(text, at);
    } else if (c === "-" || (c >= "0" && c <= "9")) {
      token.lastIndex = at;
      const number = token.exec(text)![0];
      if (!isHeld(number)) {
        out += text.slice(done, at) + JSON.stringify(mark + number);
        done = at + number.length;
      }
      at += number.length;
    } else {
      at++;
    }
  }
  return done === 0 ? text : out + text.slice(done);
}

// endOfText returns where the text that begins at a quote is over.
function endOfText(text: string, at: number): number {
  for (;;) {
    at = text.indexOf('"', at + 1);
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

// isHeld reports whether a number is the same when JavaScript writes it again. Whole ones beyond 2^53 are never: so they are all of one type.
function isHeld(number: string): boolean {
  if (/^-?\d+$/.test(number)) return Number.isSafeInteger(Number(number));
  if (number.length > 1000) return false; // whatever it is, it stays
  const [was, is] = [digitsOf(number), digitsOf(String(Number(number)))];
  return was.digits === is.digits && (was.digits === "" || was.exponent === is.exponent);
}

// digitsOf tells a number by its digits without zeros around them, and by its power of ten.
function digitsOf(number: string): { digits: string; exponent: number } {
  const [mantissa = "", power = "0"] = number.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  return { digits: digits.replace(/0+$/, ""), exponent: Number(power) + whole.length - (all.length - digits.length) };
}
