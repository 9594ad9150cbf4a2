// A link that holds what the page shows: compressed, behind the #, which no browser sends to a server.

const MOST = 1 << 21; // characters of a text that a link may unpack to; the compiler takes fewer
const KEYS = ["text", "model", "strategy", "factor", "tab"];

export async function packed(state) {
  const kept = Object.fromEntries(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]));
  const stream = new Blob([JSON.stringify(kept)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let letters = "";
  for (let at = 0; at < bytes.length; at += 0x8000) letters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return `#t=${btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

// What a link holds; null for none, and for one that is damaged or holds too much.
export async function unpacked(hash) {
  if (!hash.startsWith("#t=")) return null;
  try {
    const letters = atob(hash.slice(3).replaceAll("-", "+").replaceAll("_", "/"));
    const stream = new Blob([Uint8Array.from(letters, (letter) => letter.charCodeAt(0))])
      .stream()
      .pipeThrough(new DecompressionStream("deflate-raw"));
    const found = JSON.parse(await limited(stream));
    const clean = {};
    for (const key of KEYS) if (typeof found[key] === "string") clean[key] = found[key];
    return typeof clean.text === "string" ? clean : null;
  } catch {
    return null;
  }
}

async function limited(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
    if (text.length > MOST) throw new Error("the link holds too much");
  }
}
