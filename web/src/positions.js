// The compiler counts characters, the browser halves of them: 𝒳 is one and two. Most texts have none of these.

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/;

export function places(text) {
  if (!PAIR.test(text)) return { unit: (point) => clamp(point, text.length), point: (unit) => clamp(unit, text.length) };
  const units = [];
  for (let at = 0; at < text.length; at += text.codePointAt(at) > 0xffff ? 2 : 1) units.push(at);
  units.push(text.length);
  return {
    unit: (point) => units[clamp(point, units.length - 1)],
    point(unit) {
      let low = 0;
      let high = units.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (units[middle] < unit) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}

const clamp = (number, most) => Math.max(0, Math.min(number, most));
