// Numbers for readers. Exact ones have thin groups; short ones three digits and a letter.

const UNITS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
];

export const exact = (number) => number.toLocaleString("en-US");

export function short(number) {
  const size = Math.abs(number);
  for (const [unit, letter] of UNITS) if (size >= unit) return `${digits(number / unit)} ${letter}`;
  return digits(number);
}

function digits(number) {
  const size = Math.abs(number);
  const places = Number.isInteger(number) && size < 1000 ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return number.toFixed(places);
}

export const shape = (extents) => extents.join(" × ");

export const shapes = (outputs) => outputs.map(shape).join(", ");

export const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "");

export const times = (number, base) => (base ? `× ${(number / base).toFixed(number / base >= 10 ? 1 : 2)}` : "");

export function bytes(number) {
  for (const [unit, letter] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]])
    if (number >= unit) return `${digits(number / unit)} ${letter}`;
  return `${number} B`;
}

// `+12,345` or `−12,345`; `=` where nothing changed.
export function signed(before, after) {
  const change = (after ?? 0) - (before ?? 0);
  if (!change) return "=";
  return change > 0 ? `+${exact(change)}` : `−${exact(-change)}`;
}

// A factor of the language: at most three decimals, for a thousandth is the grid that `solve` walks on.
export const factor = (number) => String(Math.round(number * 1000) / 1000);

export const MEASURES = ["flops", "params", "acts"];
